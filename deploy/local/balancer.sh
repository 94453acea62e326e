# shellcheck shell=bash
# nginx before several gateways, for deploy/local/stack, whose variables and functions it uses.

# Where the gateways behind the balancer listen, and whom they believe: nobody but it, which is on this machine.
gateway_settings() {
    printf '%s\n' "INTERNAL_PORT=$(port_of "$1-internal")" BIND_ADDRESS=127.0.0.1 TRUSTED_PROXIES=127.0.0.1/32
}

# Users' paths often lack the folder of the system's servers.
nginx_program() { PATH=$PATH:/usr/sbin command -v nginx; }

balancer_config() {
    local listen=${SETTINGS[BIND_ADDRESS]} number gateways=''
    case "$listen" in
        *:*) listen="[$listen]:$(port_of balancer) ipv6only=off" ;;
        *) listen=$listen:$(port_of balancer) ;;
    esac
    for ((number = 1; number <= GATEWAYS; number++)); do gateways+=" 127.0.0.1:$(port_of "gateway-$number")"; done
    # Who may say whom a request comes from is asked at the edge.
    BALANCER_LISTEN=$listen BALANCER_GATEWAYS=$gateways BALANCER_FOLDER=$DATA_DIR/${PREFIX}balancer BALANCER_RESOLVER='' \
        TRUSTED_PROXIES=${SETTINGS[TRUSTED_PROXIES]:-} "$ROOT/deploy/nginx/render"
}

# With its data folder, without which the configuration cannot be written.
prepare_balancer() {
    nginx_program >/dev/null || die "nginx is not installed" "Run deploy/local/install balancer, or install the package nginx."
    become_server
    prepare_data_dir "${PREFIX}balancer"
}

start_balancer() {
    local name=${PREFIX}balancer
    local folder=$DATA_DIR/$name
    balancer_config | write_private "$folder/nginx.conf"
    # nginx opens its output once more, as its own user.
    if is_root; then chown "$SERVER_USER" "$LOG_DIR/$name.log"; fi
    # That user may not enter this folder.
    (cd / && spawn "$name" QUIT "${AS_SERVER[@]}" env -i "PATH=$PATH" TZ=UTC \
        "$(nginx_program)" -e stderr -p "$folder" -c "$folder/nginx.conf")
}
