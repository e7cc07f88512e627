_dockgate() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="dockgate"
                ;;
            dockgate,certs)
                cmd="dockgate__subcmd__certs"
                ;;
            dockgate,check)
                cmd="dockgate__subcmd__check"
                ;;
            dockgate,explain)
                cmd="dockgate__subcmd__explain"
                ;;
            dockgate,healthcheck)
                cmd="dockgate__subcmd__healthcheck"
                ;;
            dockgate,help)
                cmd="dockgate__subcmd__help"
                ;;
            dockgate,learn)
                cmd="dockgate__subcmd__learn"
                ;;
            dockgate,operations)
                cmd="dockgate__subcmd__operations"
                ;;
            dockgate,policies)
                cmd="dockgate__subcmd__policies"
                ;;
            dockgate,schema)
                cmd="dockgate__subcmd__schema"
                ;;
            dockgate,serve)
                cmd="dockgate__subcmd__serve"
                ;;
            dockgate,tail)
                cmd="dockgate__subcmd__tail"
                ;;
            dockgate,unused)
                cmd="dockgate__subcmd__unused"
                ;;
            dockgate,version)
                cmd="dockgate__subcmd__version"
                ;;
            dockgate__subcmd__certs,client)
                cmd="dockgate__subcmd__certs__subcmd__client"
                ;;
            dockgate__subcmd__certs,help)
                cmd="dockgate__subcmd__certs__subcmd__help"
                ;;
            dockgate__subcmd__certs,init)
                cmd="dockgate__subcmd__certs__subcmd__init"
                ;;
            dockgate__subcmd__certs,revoke)
                cmd="dockgate__subcmd__certs__subcmd__revoke"
                ;;
            dockgate__subcmd__certs,show)
                cmd="dockgate__subcmd__certs__subcmd__show"
                ;;
            dockgate__subcmd__certs__subcmd__help,client)
                cmd="dockgate__subcmd__certs__subcmd__help__subcmd__client"
                ;;
            dockgate__subcmd__certs__subcmd__help,help)
                cmd="dockgate__subcmd__certs__subcmd__help__subcmd__help"
                ;;
            dockgate__subcmd__certs__subcmd__help,init)
                cmd="dockgate__subcmd__certs__subcmd__help__subcmd__init"
                ;;
            dockgate__subcmd__certs__subcmd__help,revoke)
                cmd="dockgate__subcmd__certs__subcmd__help__subcmd__revoke"
                ;;
            dockgate__subcmd__certs__subcmd__help,show)
                cmd="dockgate__subcmd__certs__subcmd__help__subcmd__show"
                ;;
            dockgate__subcmd__help,certs)
                cmd="dockgate__subcmd__help__subcmd__certs"
                ;;
            dockgate__subcmd__help,check)
                cmd="dockgate__subcmd__help__subcmd__check"
                ;;
            dockgate__subcmd__help,explain)
                cmd="dockgate__subcmd__help__subcmd__explain"
                ;;
            dockgate__subcmd__help,healthcheck)
                cmd="dockgate__subcmd__help__subcmd__healthcheck"
                ;;
            dockgate__subcmd__help,help)
                cmd="dockgate__subcmd__help__subcmd__help"
                ;;
            dockgate__subcmd__help,learn)
                cmd="dockgate__subcmd__help__subcmd__learn"
                ;;
            dockgate__subcmd__help,operations)
                cmd="dockgate__subcmd__help__subcmd__operations"
                ;;
            dockgate__subcmd__help,policies)
                cmd="dockgate__subcmd__help__subcmd__policies"
                ;;
            dockgate__subcmd__help,schema)
                cmd="dockgate__subcmd__help__subcmd__schema"
                ;;
            dockgate__subcmd__help,serve)
                cmd="dockgate__subcmd__help__subcmd__serve"
                ;;
            dockgate__subcmd__help,tail)
                cmd="dockgate__subcmd__help__subcmd__tail"
                ;;
            dockgate__subcmd__help,unused)
                cmd="dockgate__subcmd__help__subcmd__unused"
                ;;
            dockgate__subcmd__help,version)
                cmd="dockgate__subcmd__help__subcmd__version"
                ;;
            dockgate__subcmd__help__subcmd__certs,client)
                cmd="dockgate__subcmd__help__subcmd__certs__subcmd__client"
                ;;
            dockgate__subcmd__help__subcmd__certs,init)
                cmd="dockgate__subcmd__help__subcmd__certs__subcmd__init"
                ;;
            dockgate__subcmd__help__subcmd__certs,revoke)
                cmd="dockgate__subcmd__help__subcmd__certs__subcmd__revoke"
                ;;
            dockgate__subcmd__help__subcmd__certs,show)
                cmd="dockgate__subcmd__help__subcmd__certs__subcmd__show"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        dockgate)
            opts="-h -V --config --listen --upstream --observe --policy --help --version check learn certs tail unused operations schema version policies serve explain healthcheck help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --upstream)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --policy)
                    COMPREPLY=($(compgen -W "acme-companion acme-companion-exec acme-companion-restart acme-companion-signal agent alloy alloy-resource-detection ansible ansible-build ansible-compose ansible-exec ansible-images ansible-prune ansible-swarm arcane arcane-images arcane-prune arcane-read-only arcane-swarm arcane-terminal arcane-volumes autoheal autoheal-all beszel beszel-logs caddy-docker-proxy caddy-docker-proxy-ingress caddy-docker-proxy-swarm cadvisor cadvisor-images ci-runner compose compose-build compose-control compose-cp compose-exec compose-logs compose-publish compose-remove compose-stats crowdsec crowdsec-swarm cup cup-swarm datadog-agent datadog-agent-logs datadog-agent-stats default devcontainers devcontainers-compose diun diun-swarm docker-cli-build docker-cli-exec docker-cli-ps docker-cli-ps-details docker-cli-run docker-cli-run-api-socket docker-gen docker-gen-notify docker-rollout docker-rollout-create docker-volume-backup docker-volume-backup-exec docker-volume-backup-manager docker-volume-backup-stop docker-volume-backup-swarm dockge dockge-build dockge-terminal dozzle dozzle-actions dozzle-deploy dozzle-shell dozzle-update dozzle-update-swarm fluent-bit forgejo-runner forgejo-runner-build gitea-runner gitea-runner-build gitlab-runner gitlab-runner-helper-image gitlab-runner-network glances homarr homarr-actions homarr-logs homarr-remove homepage homepage-swarm komodo-periphery komodo-periphery-login komodo-periphery-prune komodo-periphery-read-only komodo-periphery-swarm komodo-periphery-terminals netdata nginx-proxy ofelia ofelia-netresearch ofelia-netresearch-run ofelia-netresearch-service ofelia-run ofelia-service portainer portainer-agent portainer-agent-edge portainer-agent-swarm portainer-console portainer-images portainer-read-only portainer-swarm portainer-unpacker prometheus-docker-sd prometheus-swarm-sd promtail read-only ryuk sablier sablier-pause sablier-scale sablier-swarm shepherd shepherd-autoclean shepherd-login swarm-cronjob swarm-cronjob-registry telegraf-docker telegraf-docker-log telegraf-docker-storage telegraf-docker-swarm testcontainers-dotnet testcontainers-dotnet-build testcontainers-dotnet-files testcontainers-dotnet-volumes testcontainers-go testcontainers-go-build testcontainers-go-files testcontainers-go-volumes testcontainers-java testcontainers-java-build testcontainers-java-files traefik traefik-swarm tugtainer tugtainer-actions tugtainer-hooks tugtainer-prune uptime-kuma vector watchtower watchtower-all watchtower-cleanup watchtower-hooks watchtower-label-enable watchtower-nickfedor watchtower-nickfedor-all watchtower-nickfedor-cleanup watchtower-nickfedor-halt watchtower-nickfedor-hooks watchtower-nickfedor-label-enable woodpecker-agent wud wud-prune wud-trigger yacht yacht-prune yacht-read-only zabbix-agent2" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs)
            opts="-h --help init client revoke show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__client)
            opts="-h --dir --days --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --days)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help)
            opts="init client revoke show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help__subcmd__client)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help__subcmd__revoke)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__init)
            opts="-h --dir --host --days --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --host)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --days)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__revoke)
            opts="-h --dir --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__certs__subcmd__show)
            opts="-h --dir --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__check)
            opts="-v -h --config --against --client --adopt --verbose --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --against)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --client)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --adopt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__explain)
            opts="-h --config --listener --client --body --json --redacted --policy --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listener)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --client)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --body)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --policy)
                    COMPREPLY=($(compgen -W "acme-companion acme-companion-exec acme-companion-restart acme-companion-signal agent alloy alloy-resource-detection ansible ansible-build ansible-compose ansible-exec ansible-images ansible-prune ansible-swarm arcane arcane-images arcane-prune arcane-read-only arcane-swarm arcane-terminal arcane-volumes autoheal autoheal-all beszel beszel-logs caddy-docker-proxy caddy-docker-proxy-ingress caddy-docker-proxy-swarm cadvisor cadvisor-images ci-runner compose compose-build compose-control compose-cp compose-exec compose-logs compose-publish compose-remove compose-stats crowdsec crowdsec-swarm cup cup-swarm datadog-agent datadog-agent-logs datadog-agent-stats default devcontainers devcontainers-compose diun diun-swarm docker-cli-build docker-cli-exec docker-cli-ps docker-cli-ps-details docker-cli-run docker-cli-run-api-socket docker-gen docker-gen-notify docker-rollout docker-rollout-create docker-volume-backup docker-volume-backup-exec docker-volume-backup-manager docker-volume-backup-stop docker-volume-backup-swarm dockge dockge-build dockge-terminal dozzle dozzle-actions dozzle-deploy dozzle-shell dozzle-update dozzle-update-swarm fluent-bit forgejo-runner forgejo-runner-build gitea-runner gitea-runner-build gitlab-runner gitlab-runner-helper-image gitlab-runner-network glances homarr homarr-actions homarr-logs homarr-remove homepage homepage-swarm komodo-periphery komodo-periphery-login komodo-periphery-prune komodo-periphery-read-only komodo-periphery-swarm komodo-periphery-terminals netdata nginx-proxy ofelia ofelia-netresearch ofelia-netresearch-run ofelia-netresearch-service ofelia-run ofelia-service portainer portainer-agent portainer-agent-edge portainer-agent-swarm portainer-console portainer-images portainer-read-only portainer-swarm portainer-unpacker prometheus-docker-sd prometheus-swarm-sd promtail read-only ryuk sablier sablier-pause sablier-scale sablier-swarm shepherd shepherd-autoclean shepherd-login swarm-cronjob swarm-cronjob-registry telegraf-docker telegraf-docker-log telegraf-docker-storage telegraf-docker-swarm testcontainers-dotnet testcontainers-dotnet-build testcontainers-dotnet-files testcontainers-dotnet-volumes testcontainers-go testcontainers-go-build testcontainers-go-files testcontainers-go-volumes testcontainers-java testcontainers-java-build testcontainers-java-files traefik traefik-swarm tugtainer tugtainer-actions tugtainer-hooks tugtainer-prune uptime-kuma vector watchtower watchtower-all watchtower-cleanup watchtower-hooks watchtower-label-enable watchtower-nickfedor watchtower-nickfedor-all watchtower-nickfedor-cleanup watchtower-nickfedor-halt watchtower-nickfedor-hooks watchtower-nickfedor-label-enable woodpecker-agent wud wud-prune wud-trigger yacht yacht-prune yacht-read-only zabbix-agent2" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__healthcheck)
            opts="-h --config --listen --upstream --observe --policy --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --upstream)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --policy)
                    COMPREPLY=($(compgen -W "acme-companion acme-companion-exec acme-companion-restart acme-companion-signal agent alloy alloy-resource-detection ansible ansible-build ansible-compose ansible-exec ansible-images ansible-prune ansible-swarm arcane arcane-images arcane-prune arcane-read-only arcane-swarm arcane-terminal arcane-volumes autoheal autoheal-all beszel beszel-logs caddy-docker-proxy caddy-docker-proxy-ingress caddy-docker-proxy-swarm cadvisor cadvisor-images ci-runner compose compose-build compose-control compose-cp compose-exec compose-logs compose-publish compose-remove compose-stats crowdsec crowdsec-swarm cup cup-swarm datadog-agent datadog-agent-logs datadog-agent-stats default devcontainers devcontainers-compose diun diun-swarm docker-cli-build docker-cli-exec docker-cli-ps docker-cli-ps-details docker-cli-run docker-cli-run-api-socket docker-gen docker-gen-notify docker-rollout docker-rollout-create docker-volume-backup docker-volume-backup-exec docker-volume-backup-manager docker-volume-backup-stop docker-volume-backup-swarm dockge dockge-build dockge-terminal dozzle dozzle-actions dozzle-deploy dozzle-shell dozzle-update dozzle-update-swarm fluent-bit forgejo-runner forgejo-runner-build gitea-runner gitea-runner-build gitlab-runner gitlab-runner-helper-image gitlab-runner-network glances homarr homarr-actions homarr-logs homarr-remove homepage homepage-swarm komodo-periphery komodo-periphery-login komodo-periphery-prune komodo-periphery-read-only komodo-periphery-swarm komodo-periphery-terminals netdata nginx-proxy ofelia ofelia-netresearch ofelia-netresearch-run ofelia-netresearch-service ofelia-run ofelia-service portainer portainer-agent portainer-agent-edge portainer-agent-swarm portainer-console portainer-images portainer-read-only portainer-swarm portainer-unpacker prometheus-docker-sd prometheus-swarm-sd promtail read-only ryuk sablier sablier-pause sablier-scale sablier-swarm shepherd shepherd-autoclean shepherd-login swarm-cronjob swarm-cronjob-registry telegraf-docker telegraf-docker-log telegraf-docker-storage telegraf-docker-swarm testcontainers-dotnet testcontainers-dotnet-build testcontainers-dotnet-files testcontainers-dotnet-volumes testcontainers-go testcontainers-go-build testcontainers-go-files testcontainers-go-volumes testcontainers-java testcontainers-java-build testcontainers-java-files traefik traefik-swarm tugtainer tugtainer-actions tugtainer-hooks tugtainer-prune uptime-kuma vector watchtower watchtower-all watchtower-cleanup watchtower-hooks watchtower-label-enable watchtower-nickfedor watchtower-nickfedor-all watchtower-nickfedor-cleanup watchtower-nickfedor-halt watchtower-nickfedor-hooks watchtower-nickfedor-label-enable woodpecker-agent wud wud-prune wud-trigger yacht yacht-prune yacht-read-only zabbix-agent2" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help)
            opts="check learn certs tail unused operations schema version policies serve explain healthcheck help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__certs)
            opts="init client revoke show"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__certs__subcmd__client)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__certs__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__certs__subcmd__revoke)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__certs__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__check)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__explain)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__healthcheck)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__learn)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__operations)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__policies)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__schema)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__serve)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__tail)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__unused)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__help__subcmd__version)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__learn)
            opts="-h --client --merge --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --client)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --merge)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__operations)
            opts="-h --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__policies)
            opts="-h --help acme-companion acme-companion-exec acme-companion-restart acme-companion-signal agent alloy alloy-resource-detection ansible ansible-build ansible-compose ansible-exec ansible-images ansible-prune ansible-swarm arcane arcane-images arcane-prune arcane-read-only arcane-swarm arcane-terminal arcane-volumes autoheal autoheal-all beszel beszel-logs caddy-docker-proxy caddy-docker-proxy-ingress caddy-docker-proxy-swarm cadvisor cadvisor-images ci-runner compose compose-build compose-control compose-cp compose-exec compose-logs compose-publish compose-remove compose-stats crowdsec crowdsec-swarm cup cup-swarm datadog-agent datadog-agent-logs datadog-agent-stats default devcontainers devcontainers-compose diun diun-swarm docker-cli-build docker-cli-exec docker-cli-ps docker-cli-ps-details docker-cli-run docker-cli-run-api-socket docker-gen docker-gen-notify docker-rollout docker-rollout-create docker-volume-backup docker-volume-backup-exec docker-volume-backup-manager docker-volume-backup-stop docker-volume-backup-swarm dockge dockge-build dockge-terminal dozzle dozzle-actions dozzle-deploy dozzle-shell dozzle-update dozzle-update-swarm fluent-bit forgejo-runner forgejo-runner-build gitea-runner gitea-runner-build gitlab-runner gitlab-runner-helper-image gitlab-runner-network glances homarr homarr-actions homarr-logs homarr-remove homepage homepage-swarm komodo-periphery komodo-periphery-login komodo-periphery-prune komodo-periphery-read-only komodo-periphery-swarm komodo-periphery-terminals netdata nginx-proxy ofelia ofelia-netresearch ofelia-netresearch-run ofelia-netresearch-service ofelia-run ofelia-service portainer portainer-agent portainer-agent-edge portainer-agent-swarm portainer-console portainer-images portainer-read-only portainer-swarm portainer-unpacker prometheus-docker-sd prometheus-swarm-sd promtail read-only ryuk sablier sablier-pause sablier-scale sablier-swarm shepherd shepherd-autoclean shepherd-login swarm-cronjob swarm-cronjob-registry telegraf-docker telegraf-docker-log telegraf-docker-storage telegraf-docker-swarm testcontainers-dotnet testcontainers-dotnet-build testcontainers-dotnet-files testcontainers-dotnet-volumes testcontainers-go testcontainers-go-build testcontainers-go-files testcontainers-go-volumes testcontainers-java testcontainers-java-build testcontainers-java-files traefik traefik-swarm tugtainer tugtainer-actions tugtainer-hooks tugtainer-prune uptime-kuma vector watchtower watchtower-all watchtower-cleanup watchtower-hooks watchtower-label-enable watchtower-nickfedor watchtower-nickfedor-all watchtower-nickfedor-cleanup watchtower-nickfedor-halt watchtower-nickfedor-hooks watchtower-nickfedor-label-enable woodpecker-agent wud wud-prune wud-trigger yacht yacht-prune yacht-read-only zabbix-agent2"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__schema)
            opts="-h --help policy settings"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__serve)
            opts="-h --config --listen --upstream --observe --policy --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --upstream)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --policy)
                    COMPREPLY=($(compgen -W "acme-companion acme-companion-exec acme-companion-restart acme-companion-signal agent alloy alloy-resource-detection ansible ansible-build ansible-compose ansible-exec ansible-images ansible-prune ansible-swarm arcane arcane-images arcane-prune arcane-read-only arcane-swarm arcane-terminal arcane-volumes autoheal autoheal-all beszel beszel-logs caddy-docker-proxy caddy-docker-proxy-ingress caddy-docker-proxy-swarm cadvisor cadvisor-images ci-runner compose compose-build compose-control compose-cp compose-exec compose-logs compose-publish compose-remove compose-stats crowdsec crowdsec-swarm cup cup-swarm datadog-agent datadog-agent-logs datadog-agent-stats default devcontainers devcontainers-compose diun diun-swarm docker-cli-build docker-cli-exec docker-cli-ps docker-cli-ps-details docker-cli-run docker-cli-run-api-socket docker-gen docker-gen-notify docker-rollout docker-rollout-create docker-volume-backup docker-volume-backup-exec docker-volume-backup-manager docker-volume-backup-stop docker-volume-backup-swarm dockge dockge-build dockge-terminal dozzle dozzle-actions dozzle-deploy dozzle-shell dozzle-update dozzle-update-swarm fluent-bit forgejo-runner forgejo-runner-build gitea-runner gitea-runner-build gitlab-runner gitlab-runner-helper-image gitlab-runner-network glances homarr homarr-actions homarr-logs homarr-remove homepage homepage-swarm komodo-periphery komodo-periphery-login komodo-periphery-prune komodo-periphery-read-only komodo-periphery-swarm komodo-periphery-terminals netdata nginx-proxy ofelia ofelia-netresearch ofelia-netresearch-run ofelia-netresearch-service ofelia-run ofelia-service portainer portainer-agent portainer-agent-edge portainer-agent-swarm portainer-console portainer-images portainer-read-only portainer-swarm portainer-unpacker prometheus-docker-sd prometheus-swarm-sd promtail read-only ryuk sablier sablier-pause sablier-scale sablier-swarm shepherd shepherd-autoclean shepherd-login swarm-cronjob swarm-cronjob-registry telegraf-docker telegraf-docker-log telegraf-docker-storage telegraf-docker-swarm testcontainers-dotnet testcontainers-dotnet-build testcontainers-dotnet-files testcontainers-dotnet-volumes testcontainers-go testcontainers-go-build testcontainers-go-files testcontainers-go-volumes testcontainers-java testcontainers-java-build testcontainers-java-files traefik traefik-swarm tugtainer tugtainer-actions tugtainer-hooks tugtainer-prune uptime-kuma vector watchtower watchtower-all watchtower-cleanup watchtower-hooks watchtower-label-enable watchtower-nickfedor watchtower-nickfedor-all watchtower-nickfedor-cleanup watchtower-nickfedor-halt watchtower-nickfedor-hooks watchtower-nickfedor-label-enable woodpecker-agent wud wud-prune wud-trigger yacht yacht-prune yacht-read-only zabbix-agent2" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__tail)
            opts="-f -n -h --follow --lines --client --operation --verdict --object --summary --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --lines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --client)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --operation)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --verdict)
                    COMPREPLY=($(compgen -W "allow deny would_deny" -- "${cur}"))
                    return 0
                    ;;
                --object)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__unused)
            opts="-h --policy --client --days --config --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --client)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --days)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        dockgate__subcmd__version)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _dockgate -o nosort -o bashdefault -o default dockgate
else
    complete -F _dockgate -o bashdefault -o default dockgate
fi
