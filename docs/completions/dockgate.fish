# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dockgate_global_optspecs
    string join \n config= policy= listen= upstream= observe h/help V/version
end

function __fish_dockgate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dockgate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dockgate_using_subcommand
    set -l cmd (__fish_dockgate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dockgate -n "__fish_dockgate_needs_command" -l config -d 'Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]' -r -F
complete -c dockgate -n "__fish_dockgate_needs_command" -l policy -d 'Built-in policies or policy files, separated by commas [env: DOCKGATE_POLICY] [default: default]' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l listen -d 'Addresses to listen on, such as unix:///run/dockgate.sock, separated by commas [env: DOCKGATE_LISTEN] [default: tcp://127.0.0.1:2375, in the image all addresses]' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l upstream -d 'Address of the daemon, such as tcp://engine:2375 [env: DOCKGATE_UPSTREAM] [default: unix:///var/run/docker.sock]' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l observe -d 'Do not enforce: forward what the policies deny, and record it as would_deny [env: DOCKGATE_OBSERVE]'
complete -c dockgate -n "__fish_dockgate_needs_command" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_needs_command" -s V -l version -d 'Print version'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "serve" -d 'Run the proxy; `dockgate` without a command does the same'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "check" -d 'Check the settings, or policy files with their examples, without starting'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "explain" -d 'Show whether a request would be allowed, and why'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "learn" -d 'Generate a minimal policy from an audit log'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "certs" -d 'Make and revoke TLS certificates for Dockgate and its clients'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "tail" -d 'Show an audit log to people: aligned, with the remedy under each denial'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "unused" -d 'Show what the policies allow and nobody used, and the edit that removes it'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "healthcheck" -d 'Check that Dockgate and the Docker daemon respond (for HEALTHCHECK)'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "operations" -d 'List the operations of the Docker API, with their effects and paths'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "schema" -d 'Print a JSON Schema that your editor can use for completion and validation'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "version" -d 'Print the version'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "policies" -d 'List the built-in policies, or print one'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l config -d 'Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l policy -d 'Built-in policies or policy files, separated by commas [env: DOCKGATE_POLICY] [default: default]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l listen -d 'Addresses to listen on, such as unix:///run/dockgate.sock, separated by commas [env: DOCKGATE_LISTEN] [default: tcp://127.0.0.1:2375, in the image all addresses]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l upstream -d 'Address of the daemon, such as tcp://engine:2375 [env: DOCKGATE_UPSTREAM] [default: unix:///var/run/docker.sock]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l observe -d 'Do not enforce: forward what the policies deny, and record it as would_deny [env: DOCKGATE_OBSERVE]'
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l config -d 'Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l against -d 'Audit log (JSON lines): show which of its requests would get another answer' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l client -d 'Compare only with the requests of this client, by its name in the settings or its address [default: all]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l adopt -d 'Show what to write so that objects with this old mark come into the scope of the policy files' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -s v -l verbose -d 'List every allowed operation and raw path, and cut no list short'
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l policy -d 'Built-in policies or policy files, separated by commas [default: those of the settings]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l config -d 'Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l listener -d 'Explain for this listener of the settings only [default: all]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l client -d 'Explain for this client of the settings only [default: all]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l body -d 'File with the request\'s body, in JSON' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l json -d 'Output JSON'
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l redacted -d 'Read the daemon\'s reply to the request from standard input, and print what the client would get'
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -l client -d 'Learn only from this client, by its name in the settings or its address [default: all clients]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -l merge -d 'Print a policy that extends this file with what is missing' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -f -a "init" -d 'Make an authority and a server certificate; again, to renew the server certificate'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -f -a "client" -d 'Make a certificate for a client; again, to renew it'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -f -a "revoke" -d 'Revoke all certificates of a client'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -f -a "show" -d 'Show the certificates, and until when they hold'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and not __fish_seen_subcommand_from init client revoke show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from init" -l dir -d 'The folder of the certificates' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from init" -l host -d 'A DNS name or IP address that clients connect to; repeat it for each [default: ask, or those of the old certificate]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from init" -l days -d 'How many days the certificate holds' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from client" -l dir -d 'The folder of the certificates' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from client" -l days -d 'How many days the certificate holds' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from client" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from revoke" -l dir -d 'The folder of the certificates' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from show" -l dir -d 'The folder of the certificates' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make an authority and a server certificate; again, to renew the server certificate'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from help" -f -a "client" -d 'Make a certificate for a client; again, to renew it'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revoke all certificates of a client'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the certificates, and until when they hold'
complete -c dockgate -n "__fish_dockgate_using_subcommand certs; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -s n -l lines -d 'Show this many of the last requests, or all [default: 50 of a file, all of standard input]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -l client -d 'Show only this client, by its name in the settings or its address' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -l operation -d 'Show only these operations, such as ContainerList, separated by commas' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -l verdict -d 'Show only these verdicts, separated by commas' -r -f -a "allow\t''
deny\t''
would_deny\t''"
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -l object -d 'Show only what is about this object: its name, its id or the beginning of that' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -s f -l follow -d 'Go on as lines are written, also after the file was rotated'
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -l summary -d 'Count instead: requests of each client, what was denied, and what was used'
complete -c dockgate -n "__fish_dockgate_using_subcommand tail" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand unused" -l policy -d 'Compare with these built-in policies or policy files, whoever used them [default: those of the settings]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand unused" -l client -d 'Count only the requests of this client, by its name in the settings or its address' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand unused" -l days -d 'How many days the log must cover before anything counts as not used' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand unused" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand unused" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l config -d 'Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l policy -d 'Built-in policies or policy files, separated by commas [env: DOCKGATE_POLICY] [default: default]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l listen -d 'Addresses to listen on, such as unix:///run/dockgate.sock, separated by commas [env: DOCKGATE_LISTEN] [default: tcp://127.0.0.1:2375, in the image all addresses]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l upstream -d 'Address of the daemon, such as tcp://engine:2375 [env: DOCKGATE_UPSTREAM] [default: unix:///var/run/docker.sock]' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l observe -d 'Do not enforce: forward what the policies deny, and record it as would_deny [env: DOCKGATE_OBSERVE]'
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand operations" -l json -d 'Output JSON, with all columns'
complete -c dockgate -n "__fish_dockgate_using_subcommand operations" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dockgate -n "__fish_dockgate_using_subcommand version" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand policies" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "serve" -d 'Run the proxy; `dockgate` without a command does the same'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "check" -d 'Check the settings, or policy files with their examples, without starting'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "explain" -d 'Show whether a request would be allowed, and why'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "learn" -d 'Generate a minimal policy from an audit log'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "certs" -d 'Make and revoke TLS certificates for Dockgate and its clients'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "tail" -d 'Show an audit log to people: aligned, with the remedy under each denial'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "unused" -d 'Show what the policies allow and nobody used, and the edit that removes it'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "healthcheck" -d 'Check that Dockgate and the Docker daemon respond (for HEALTHCHECK)'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "operations" -d 'List the operations of the Docker API, with their effects and paths'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "schema" -d 'Print a JSON Schema that your editor can use for completion and validation'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "version" -d 'Print the version'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "policies" -d 'List the built-in policies, or print one'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn certs tail unused healthcheck operations schema version policies help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and __fish_seen_subcommand_from certs" -f -a "init" -d 'Make an authority and a server certificate; again, to renew the server certificate'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and __fish_seen_subcommand_from certs" -f -a "client" -d 'Make a certificate for a client; again, to renew it'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and __fish_seen_subcommand_from certs" -f -a "revoke" -d 'Revoke all certificates of a client'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and __fish_seen_subcommand_from certs" -f -a "show" -d 'Show the certificates, and until when they hold'
