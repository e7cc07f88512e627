#!/bin/sh
# Starts Dockgate, ATTACK_BIN. If ATTACK_CONTAINER is the full id of a container, Dockgate believes that it runs in
# that container: the path of a mount contains the id, as in mounts that an engine makes. ATTACK_FOLDER is for that
# mount.
[ -n "$ATTACK_CONTAINER" ] || exec "$ATTACK_BIN" "$@"
mkdir -p "$ATTACK_FOLDER/containers/$ATTACK_CONTAINER"
export ATTACK_FILE="$ATTACK_FOLDER/containers/$ATTACK_CONTAINER/hostname"
touch "$ATTACK_FILE"
exec unshare --mount sh -c 'mount --bind "$ATTACK_FILE" "$ATTACK_FILE" && exec "$ATTACK_BIN" "$@"' sh "$@"
