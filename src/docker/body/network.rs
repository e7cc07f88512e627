//! The fields of networks, and of a container's endpoint on one.
//!
//! Source: `api/types/network` of moby/moby.

use std::sync::LazyLock;

use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use crate::docker::body::field_meaning::FieldMeaning;

tables! {
    /// `NetworkCreate`.
    NETWORK_CREATE {
        Attachable               Bool                   Judged(SwarmNetwork);
        CheckDuplicate           Bool                   Harmless;
        ConfigFrom               (CONFIG_REFERENCE)     Judged(ConfigFrom);
        ConfigOnly               Bool                   Judged(ConfigFrom);
        Driver                   Text                   Judged(NetworkDriver);
        EnableIPv4               Bool                   Harmless;
        EnableIPv6               Bool                   Harmless;
        IPAM                     (IPAM)                 Harmless;
        Ingress                  Bool                   Judged(SwarmNetwork);
        Internal                 Bool                   Harmless;
        Labels                   {Text}                 Judged(Labels);
        Name                     Text                   Judged(Name);
        Options                  {Text}                 Judged(NetworkOptions);
        Scope                    Text                   Judged(SwarmNetwork);
    }

    /// `NetworkConnect`.
    NETWORK_CONNECT {
        Container                Text                   Judged(Container);
        EndpointConfig           (ENDPOINT)             Harmless;
        Force                    Any                    Ignored; // go-dockerclient, as in the disconnect
        containerConfig          Any                    Ignored; // docker-java, which repeats the endpoint
    }

    /// `NetworkDisconnect`.
    NETWORK_DISCONNECT {
        Container                Text                   Judged(Container);
        Force                    Bool                   Judged(Force);
    }

    /// The networks that a new container joins.
    NETWORKING_CONFIG {
        EndpointsConfig          {(ENDPOINT)}           Keys(Networks);
    }

    /// A container's endpoint on a network.
    ENDPOINT embeds ENDPOINT_STATE {
        Aliases                  [Text]                 Judged(Aliases);
        // The daemon derives them from the aliases, except on its default network.
        DNSNames                 [Text]                 Judged(Aliases);
        DriverOpts               {Text}                 Judged(EndpointOptions);
        GwPriority               Integer                Harmless;
        IPAMConfig               (ENDPOINT_ADDRESSES)   Judged(EndpointAddresses);
        Links                    [Text]                 Judged(Links);
        MacAddress               Text                   Judged(EndpointAddresses);
        // The container joins this network, unless the key or the path names one of the daemon's
        // own networks.
        NetworkID                Text                   Judged(Networks);
    }

    /// Reported by the daemon, which fills it in itself.
    ENDPOINT_STATE {
        EndpointID               Text                   Harmless;
        Gateway                  Text                   Harmless;
        GlobalIPv6Address        Text                   Harmless;
        GlobalIPv6PrefixLen      Integer                Harmless;
        IPAddress                Text                   Harmless;
        IPPrefixLen              Integer                Harmless;
        IPv6Gateway              Text                   Harmless;
    }

    ENDPOINT_ADDRESSES {
        IPv4Address              Text                   Part;
        IPv6Address              Text                   Part;
        LinkLocalIPs             [Text]                 Part;
    }

    IPAM {
        Config                   [(SUBNET)]             Judged(Subnets);
        Driver                   Text                   Judged(Ipam);
        Options                  {Text}                 Judged(Ipam);
    }

    SUBNET {
        AuxiliaryAddresses       {Text}                 Part;
        Gateway                  Text                   Part;
        IPRange                  Text                   Part;
        Subnet                   Text                   Part;
    }

    CONFIG_REFERENCE {
        Network                  Text                   Part;
    }
}
