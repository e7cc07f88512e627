//! The keys that decide what is hidden. Like Go's clients, it ignores their case.

use crate::docker::Json;
use crate::docker::json::folded;

/// Makes the enum from the keys in lower case.
macro_rules! keys {
    ($($text:literal $name:ident)+) => {
        /// A key of a reply.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::enum_variant_names, reason = "they are the API's")]
        pub(super) enum Key {
            $($name,)+
            /// Any other key.
            Other,
            /// The document of a container.
            Container,
            /// An event.
            Event,
            /// What the engine says about itself.
            Info,
            /// The processes of a container.
            Top,
        }

        /// The keys in order.
        const KNOWN: &[(&[u8], Key)] = &[$(($text, Key::$name)),+];
    };
}

keys! {
    b"action" Action b"addr" Addr b"annotations" Annotations b"args" Args b"arguments" Arguments
    b"attributes" Attributes b"author" Author b"auxiliaryaddresses" AuxiliaryAddresses
    b"binds" Binds b"buildcache" BuildCache b"buildcacheusage" BuildCacheUsage b"caconfig" CaConfig
    b"cmd" Cmd b"command" Command b"comment" Comment b"config" Config b"containers" Containers
    b"createcommand" CreateCommand b"createdby" CreatedBy b"data" Data b"description" Description b"dockerrootdir" DockerRootDir
    b"driveropts" DriverOpts b"enginelabels" EngineLabels b"entrypoint" Entrypoint b"env" Env
    b"err" Err b"error" Error b"exposedports" ExposedPorts b"graphdriver" GraphDriver
    b"hostname" Hostname b"hostnamepath" HostnamePath b"hostspath" HostsPath b"httpproxy" HttpProxy
    b"httpsproxy" HttpsProxy b"indexconfigs" IndexConfigs b"items" Items b"jointokens" JoinTokens
    b"kernelversion" KernelVersion b"labels" Labels b"logconfig" LogConfig b"logpath" LogPath
    b"managerstatus" ManagerStatus b"message" Message b"mountpoint" Mountpoint b"mounts" Mounts
    b"name" Name b"networks" Networks b"nodeaddr" NodeAddr b"noproxy" NoProxy b"onbuild" OnBuild
    b"options" Options b"output" Output b"path" Path b"pathonhost" PathOnHost
    b"portbindings" PortBindings b"ports" Ports b"processes" Processes
    b"publishcontext" PublishContext b"registryconfig" RegistryConfig
    b"remotemanagers" RemoteManagers b"resolvconfpath" ResolvConfPath b"runtimes" Runtimes
    b"segments" Segments b"services" Services b"shell" Shell b"source" Source b"state" State
    b"status" Status b"storageopt" StorageOpt b"sysctls" Sysctls b"test" Test b"tlsinfo" TlsInfo
    b"tmpfs" Tmpfs b"unlockkey" UnlockKey b"volumecontext" VolumeContext b"volumes" Volumes
    b"warnings" Warnings
}

/// The length of the longest key.
const LONGEST: usize = 18;

impl Key {
    /// Reads a key as it is written between its quotes.
    pub(super) fn of(written: &[u8]) -> Self {
        let is_plain = |byte: &u8| byte.is_ascii() && *byte != b'\\';
        if !written.iter().all(is_plain) {
            let quoted = [b"\"", written, b"\""].concat();
            let text = Json::parse(&quoted).ok();
            let text = text.as_ref().and_then(Json::text).unwrap_or_default();
            return known(folded(text).as_bytes());
        }
        let mut lower = [0; LONGEST];
        let Some(lower) = lower.get_mut(..written.len()) else {
            return Self::Other;
        };
        lower.copy_from_slice(written);
        lower.make_ascii_lowercase();
        known(lower)
    }
}

/// The key with this text in lower case.
fn known(lower: &[u8]) -> Key {
    let found = KNOWN.binary_search_by_key(&lower, |(text, _)| text);
    let found = found.ok().and_then(|at| KNOWN.get(at));
    found.map_or(Key::Other, |(_, key)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_any_case_and_spelling() {
        for (written, want) in [
            ("Env", Key::Env),
            ("ENV", Key::Env),
            ("en\\u0076", Key::Env),
            ("Env ", Key::Other),
            ("", Key::Other),
            ("Tmpf\u{17f}", Key::Tmpfs),
            ("\u{212a}ernelVersion", Key::KernelVersion),
            ("AuxiliaryAddresses", Key::AuxiliaryAddresses),
            ("AuxiliaryAddressesX", Key::Other),
            ("\\u00e9", Key::Other),
        ] {
            assert_eq!(Key::of(written.as_bytes()), want, "{written}");
        }
    }

    #[test]
    fn no_key_is_too_long_to_be_compared() {
        assert_eq!("auxiliaryaddresses".len(), LONGEST);
        assert!(KNOWN.iter().all(|(text, _)| text.len() <= LONGEST));
    }

    #[test]
    fn the_keys_are_in_order() {
        assert!(KNOWN.is_sorted_by(|(one, _), (next, _)| one < next));
        for (text, key) in KNOWN {
            assert_eq!(Key::of(text), *key);
        }
    }
}
