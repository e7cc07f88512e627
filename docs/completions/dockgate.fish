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

complete -c dockgate -n "__fish_dockgate_needs_command" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_needs_command" -l policy -d 'Policy, by its shipped name or its file; may be given more than once, or joined by commas' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l listen -d 'Address to listen on: <tcp://127.0.0.1:2375>, <unix:///path>' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l upstream -d 'Address of the daemon: <unix:///var/run/docker.sock>, <tcp://host:2375>' -r
complete -c dockgate -n "__fish_dockgate_needs_command" -l observe -d 'Forward what the policies refuse, and record it as `would_deny`: the gate is open'
complete -c dockgate -n "__fish_dockgate_needs_command" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_needs_command" -s V -l version -d 'Print version'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "serve" -d 'Run the proxy; `dockgate` alone does the same'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "check" -d 'Check settings, or policy files with their examples, without starting'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "explain" -d 'Say whether a request would be allowed, and what would allow it'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "learn" -d 'Print the smallest policy that would have allowed what an audit record tells of'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "healthcheck" -d 'Say whether the listeners and the daemon answer; for a container\'s health check'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "operations" -d 'List the operations of the Docker API'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "schema" -d 'Print the JSON Schema of a kind of file, by which editors complete and check it'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "policies" -d 'List the shipped policies, or print one'
complete -c dockgate -n "__fish_dockgate_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l policy -d 'Policy, by its shipped name or its file; may be given more than once, or joined by commas' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l listen -d 'Address to listen on: <tcp://127.0.0.1:2375>, <unix:///path>' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l upstream -d 'Address of the daemon: <unix:///var/run/docker.sock>, <tcp://host:2375>' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -l observe -d 'Forward what the policies refuse, and record it as `would_deny`: the gate is open'
complete -c dockgate -n "__fish_dockgate_using_subcommand serve" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -l against -d 'Audit record, lines of JSON: say which of its requests would be answered otherwise' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -s v -l verbose -d 'List every allowed operation, and cut no list short'
complete -c dockgate -n "__fish_dockgate_using_subcommand check" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l policy -d 'Policy, by its shipped name or its file; without any, those of the settings' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l listener -d 'The one listener of the settings to ask about; without it, each' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l body -d 'File with the request\'s body, as JSON' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -l json -d 'As JSON, for programs'
complete -c dockgate -n "__fish_dockgate_using_subcommand explain" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -l client -d 'Learn from one client alone, by its address' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -l merge -d 'Print a policy that extends this file with what it lacks, instead of one by itself' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand learn" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l config -d 'Settings file' -r -F
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l policy -d 'Policy, by its shipped name or its file; may be given more than once, or joined by commas' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l listen -d 'Address to listen on: <tcp://127.0.0.1:2375>, <unix:///path>' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l upstream -d 'Address of the daemon: <unix:///var/run/docker.sock>, <tcp://host:2375>' -r
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -l observe -d 'Forward what the policies refuse, and record it as `would_deny`: the gate is open'
complete -c dockgate -n "__fish_dockgate_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand operations" -l json -d 'As JSON, with every column'
complete -c dockgate -n "__fish_dockgate_using_subcommand operations" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dockgate -n "__fish_dockgate_using_subcommand policies" -s h -l help -d 'Print help'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "serve" -d 'Run the proxy; `dockgate` alone does the same'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "check" -d 'Check settings, or policy files with their examples, without starting'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "explain" -d 'Say whether a request would be allowed, and what would allow it'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "learn" -d 'Print the smallest policy that would have allowed what an audit record tells of'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "healthcheck" -d 'Say whether the listeners and the daemon answer; for a container\'s health check'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "operations" -d 'List the operations of the Docker API'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "schema" -d 'Print the JSON Schema of a kind of file, by which editors complete and check it'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "policies" -d 'List the shipped policies, or print one'
complete -c dockgate -n "__fish_dockgate_using_subcommand help; and not __fish_seen_subcommand_from serve check explain learn healthcheck operations schema policies help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
