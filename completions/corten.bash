# bash completion of corten; made by: corten completion bash
_corten_flags() {
  case "$1" in
    'attach') flags='--detach-keys --no-stdin --sig-proxy' values='--detach-keys' list="ps --format '{{.Names}}'" ;;
    'completion') flags='' values='' list="" ;;
    'container attach') flags='--detach-keys --no-stdin --sig-proxy' values='--detach-keys' list="ps --format '{{.Names}}'" ;;
    'container create') flags='--name --interactive -i --tty -t --attach -a --rm --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --quiet -q --platform --init --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --detach-keys --publish -p --publish-all -P --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --read-only --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-kill-disable --oom-score-adj' values='--name --attach -a --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --platform --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --detach-keys --publish -p --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-score-adj' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'container diff') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'container exec') flags='--detach -d --interactive -i --tty -t --env -e --env-file --user -u --workdir -w --privileged --detach-keys' values='--env -e --env-file --user -u --workdir -w --detach-keys' list="ps --format '{{.Names}}'" ;;
    'container explain') flags='--json' values='' list="ps -a --format '{{.Names}}'" ;;
    'container export') flags='--output -o' values='--output -o' list="ps -a --format '{{.Names}}'" ;;
    'container inspect') flags='--format -f --size -s' values='--format -f' list="ps -a --format '{{.Names}}'" ;;
    'container kill') flags='--signal -s' values='--signal -s' list="ps --format '{{.Names}}'" ;;
    'container list') flags='--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s' values='--filter -f --format --last -n' list="" ;;
    'container logs') flags='--follow -f --tail -n --timestamps -t --since --until --details' values='--tail -n --since --until' list="ps -a --format '{{.Names}}'" ;;
    'container ls') flags='--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s' values='--filter -f --format --last -n' list="" ;;
    'container pause') flags='' values='' list="ps --format '{{.Names}}'" ;;
    'container port') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'container prune') flags='--filter --force -f' values='--filter' list="" ;;
    'container ps') flags='--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s' values='--filter -f --format --last -n' list="" ;;
    'container remove') flags='--force -f --volumes -v --link -l' values='' list="ps -a --format '{{.Names}}'" ;;
    'container rename') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'container restart') flags='--time -t --timeout --signal -s' values='--time -t --timeout --signal -s' list="ps -a --format '{{.Names}}'" ;;
    'container rm') flags='--force -f --volumes -v --link -l' values='' list="ps -a --format '{{.Names}}'" ;;
    'container run') flags='--detach -d --name --interactive -i --tty -t --attach -a --rm --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --quiet -q --platform --init --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --detach-keys --publish -p --publish-all -P --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --read-only --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-kill-disable --oom-score-adj --sig-proxy --trace' values='--name --attach -a --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --platform --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --detach-keys --publish -p --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-score-adj' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'container start') flags='--attach -a --interactive -i --detach-keys' values='--detach-keys' list="ps -a --format '{{.Names}}'" ;;
    'container stats') flags='--all -a --format --no-stream --no-trunc' values='--format' list="ps --format '{{.Names}}'" ;;
    'container stop') flags='--time -t --timeout --signal -s' values='--time -t --timeout --signal -s' list="ps --format '{{.Names}}'" ;;
    'container top') flags='' values='' list="ps --format '{{.Names}}'" ;;
    'container unpause') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'container update') flags='--memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --restart' values='--memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --restart' list="ps -a --format '{{.Names}}'" ;;
    'container wait') flags='' values='' list="ps --format '{{.Names}}'" ;;
    'create') flags='--name --interactive -i --tty -t --attach -a --rm --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --quiet -q --platform --init --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --detach-keys --publish -p --publish-all -P --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --read-only --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-kill-disable --oom-score-adj' values='--name --attach -a --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --platform --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --detach-keys --publish -p --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-score-adj' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'diff') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'events') flags='--filter -f --format --since --until' values='--filter -f --format --since --until' list="" ;;
    'exec') flags='--detach -d --interactive -i --tty -t --env -e --env-file --user -u --workdir -w --privileged --detach-keys' values='--env -e --env-file --user -u --workdir -w --detach-keys' list="ps --format '{{.Names}}'" ;;
    'explain') flags='--json' values='' list="ps -a --format '{{.Names}}'" ;;
    'export') flags='--output -o' values='--output -o' list="ps -a --format '{{.Names}}'" ;;
    'history') flags='--format --human -H --no-trunc --quiet -q' values='--format' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image bootstrap') flags='--quiet -q' values='' list="" ;;
    'image history') flags='--format --human -H --no-trunc --quiet -q' values='--format' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image import') flags='--change -c --message -m --platform' values='--change -c --message -m --platform' list="" ;;
    'image inspect') flags='--format -f' values='--format -f' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image list') flags='--all -a --digests --filter -f --format --no-trunc --quiet -q' values='--filter -f --format' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image load') flags='--input -i --platform --quiet -q' values='--input -i --platform' list="" ;;
    'image ls') flags='--all -a --digests --filter -f --format --no-trunc --quiet -q' values='--filter -f --format' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image prune') flags='--all -a --filter --force -f' values='--filter' list="" ;;
    'image pull') flags='--quiet -q --platform --all-tags -a' values='--platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image remove') flags='--force -f --no-prune --platform' values='--platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image rm') flags='--force -f --no-prune --platform' values='--platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image save') flags='--output -o --platform' values='--output -o --platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'image tag') flags='' values='' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'images') flags='--all -a --digests --filter -f --format --no-trunc --quiet -q' values='--filter -f --format' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'import') flags='--change -c --message -m --platform' values='--change -c --message -m --platform' list="" ;;
    'info') flags='--format -f' values='--format -f' list="" ;;
    'inspect') flags='--format -f --size -s --type' values='--format -f --type' list="ps -a --format '{{.Names}}'" ;;
    'kill') flags='--signal -s' values='--signal -s' list="ps --format '{{.Names}}'" ;;
    'load') flags='--input -i --platform --quiet -q' values='--input -i --platform' list="" ;;
    'logs') flags='--follow -f --tail -n --timestamps -t --since --until --details' values='--tail -n --since --until' list="ps -a --format '{{.Names}}'" ;;
    'network inspect') flags='--format -f' values='--format -f' list="network ls --format '{{.Name}}'" ;;
    'network list') flags='--filter -f --format --no-trunc --quiet -q' values='--filter -f --format' list="" ;;
    'network ls') flags='--filter -f --format --no-trunc --quiet -q' values='--filter -f --format' list="" ;;
    'pause') flags='' values='' list="ps --format '{{.Names}}'" ;;
    'port') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'ps') flags='--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s' values='--filter -f --format --last -n' list="" ;;
    'pull') flags='--quiet -q --platform --all-tags -a' values='--platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'rename') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'restart') flags='--time -t --timeout --signal -s' values='--time -t --timeout --signal -s' list="ps -a --format '{{.Names}}'" ;;
    'rm') flags='--force -f --volumes -v --link -l' values='' list="ps -a --format '{{.Names}}'" ;;
    'rmi') flags='--force -f --no-prune --platform' values='--platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'run') flags='--detach -d --name --interactive -i --tty -t --attach -a --rm --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --quiet -q --platform --init --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --detach-keys --publish -p --publish-all -P --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --read-only --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-kill-disable --oom-score-adj --sig-proxy --trace' values='--name --attach -a --env -e --env-file --label -l --label-file --annotation --workdir -w --user -u --group-add --entrypoint --hostname -h --domainname --cidfile --pull --platform --restart --stop-signal --stop-timeout --log-driver --log-opt --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --detach-keys --publish -p --expose --network --network-alias --ip --ip6 --link-local-ip --link --mac-address --dns --dns-search --dns-option --add-host --volume -v --mount --tmpfs --volumes-from --volume-driver --shm-size --storage-opt --device --device-cgroup-rule --device-read-bps --device-write-bps --device-read-iops --device-write-iops --blkio-weight-device --memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --cap-add --cap-drop --security-opt --sysctl --ulimit --pid --ipc --uts --cgroupns --userns --cgroup-parent --runtime --memory-swappiness --oom-score-adj' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'save') flags='--output -o --platform' values='--output -o --platform' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'start') flags='--attach -a --interactive -i --detach-keys' values='--detach-keys' list="ps -a --format '{{.Names}}'" ;;
    'stats') flags='--all -a --format --no-stream --no-trunc' values='--format' list="ps --format '{{.Names}}'" ;;
    'stop') flags='--time -t --timeout --signal -s' values='--time -t --timeout --signal -s' list="ps --format '{{.Names}}'" ;;
    'system df') flags='--format --verbose -v' values='--format' list="" ;;
    'system events') flags='--filter -f --format --since --until' values='--filter -f --format --since --until' list="" ;;
    'system info') flags='--format -f' values='--format -f' list="" ;;
    'system prune') flags='--all -a --volumes --filter --force -f' values='--filter' list="" ;;
    'tag') flags='' values='' list="images --format '{{.Repository}}:{{.Tag}}'" ;;
    'top') flags='' values='' list="ps --format '{{.Names}}'" ;;
    'unpause') flags='' values='' list="ps -a --format '{{.Names}}'" ;;
    'update') flags='--memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --restart' values='--memory -m --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --restart' list="ps -a --format '{{.Names}}'" ;;
    'version') flags='--format -f' values='--format -f' list="" ;;
    'volume create') flags='--driver -d --label --opt -o' values='--driver -d --label --opt -o' list="" ;;
    'volume inspect') flags='--format -f' values='--format -f' list="volume ls -q" ;;
    'volume list') flags='--filter -f --format --quiet -q' values='--filter -f --format' list="" ;;
    'volume ls') flags='--filter -f --format --quiet -q' values='--filter -f --format' list="" ;;
    'volume prune') flags='--all -a --filter --force -f' values='--filter' list="" ;;
    'volume remove') flags='--force -f' values='' list="volume ls -q" ;;
    'volume rm') flags='--force -f' values='' list="volume ls -q" ;;
    'wait') flags='' values='' list="ps --format '{{.Names}}'" ;;
    *) flags='' values='' list='' ;;
  esac
}

_corten_list() {
  # shellcheck disable=SC2086 # The list is a command with its arguments.
  [ -n "$1" ] && eval "corten ${host:+-H "$host"} $1" 2>/dev/null
}

_corten() {
  local word=${COMP_WORDS[COMP_CWORD]} path='' host='' operands=0 flags values list index candidates=''
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    local one=${COMP_WORDS[index]}
    case "$path" in
      '')
        case "$one" in
          -H | --host) host=${COMP_WORDS[++index]} ;;
          --tlscacert | --tlscert | --tlskey) ((index++)) ;;
          -*) ;;
          *) path=$one ;;
        esac
        ;;
      container|image|network|volume|system)
        case "$one" in -*) ;; *) path="$path $one" ;; esac
        ;;
      *)
        _corten_flags "$path"
        case "$one" in
          -*) [[ " $values " == *" $one "* ]] && ((index++)) ;;
          *) ((operands++)) ;;
        esac
        ;;
    esac
  done
  case "$path" in
    '') candidates='attach completion create diff events exec explain export history images import info inspect kill load logs pause port ps pull rename restart rm rmi run save start stats stop tag top unpause update version wait container image network volume system'; flags='--host -H --tls --tlsverify --tlscacert --tlscert --tlskey --version -v --debug -D' ;;
    container) candidates='attach create diff exec explain export inspect kill list logs ls pause port prune ps remove rename restart rm run start stats stop top unpause update wait'; flags='--help' ;;
    image) candidates='bootstrap history import inspect list load ls prune pull remove rm save tag'; flags='--help' ;;
    network) candidates='inspect list ls'; flags='--help' ;;
    volume) candidates='create inspect list ls prune remove rm'; flags='--help' ;;
    system) candidates='df events info prune'; flags='--help' ;;
    completion) candidates='bash zsh fish' ;;
    *)
      _corten_flags "$path"
      if [[ $word != -* ]]; then
        case "$path" in
          *run | *exec | *create | *top) [ "$operands" = 0 ] && candidates=$(_corten_list "$list") ;;
          *) candidates=$(_corten_list "$list") ;;
        esac
        if [ -z "$candidates" ]; then
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
          return
        fi
      fi
      ;;
  esac
  [[ $word == -* ]] && candidates="$flags --help"
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
  # Names of images hold colons, at which bash breaks words.
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$word"
}

complete -F _corten corten
