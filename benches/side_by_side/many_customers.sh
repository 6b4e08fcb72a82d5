#!/bin/bash
# Whether many customers cost a call more than one does:
#
#   benches/side_by_side/many_customers.sh HARNESS [SECONDS]
#
# The load comes by way of an nginx that names the customer of each call: by turns always the same one,
# and one of 16,384 at random, each capped; SECONDS (10) each, three times. RINGSIDE names a program that
# is built already. Needs nginx and python3.
export PATH="$PATH:/usr/sbin:/sbin"
source "$(dirname "$0")/gateway.sh"
seconds="${1:-10}"
cat >nginx.conf <<'NGINX'
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000;
  # Three hexadecimal digits and two bits of a fourth: 16,384 of them.
  map $request_id $many {
    "~^(?<digits>[0-9a-f]{3})[0-3]" "cus_${digits}0";
    "~^(?<digits>[0-9a-f]{3})[4-7]" "cus_${digits}4";
    "~^(?<digits>[0-9a-f]{3})[89ab]" "cus_${digits}8";
    "~^(?<digits>[0-9a-f]{3})" "cus_${digits}c";
  }
  upstream gateway { server 127.0.0.1:9102; keepalive 1024; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:9103 backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location /one/ { proxy_set_header FC-Customer "cus_42"; proxy_pass http://gateway/; }
    location /many/ { proxy_set_header FC-Customer $many; proxy_pass http://gateway/; }
  }
}
NGINX
curl --silent --show-error --fail --output /dev/null -X PATCH -H "authorization: Bearer $token" \
    -H 'content-type: application/json' -d '{"default_customer_budget_usd":1000000}' http://127.0.0.1:9102/v1/account
taskset -c 1 nginx -p "$work" -c nginx.conf 2>nginx.log &
front=$!
trap 'kill $front $gateway $upstream 2>/dev/null; wait' EXIT
sleep 1
# Every customer calls once before anything is measured.
run() {
    $load "http://127.0.0.1:9103/$1/v1/chat/completions" -b chat.json -c 64 -d "$2" -w 1 --expect choices \
        -H "authorization: Bearer $token" >"load-$1-$3.json"
}
run many "$seconds" first
for turn in 1 2 3; do
    run one "$seconds" "$turn"
    run many "$seconds" "$turn"
done
python3 "$here/medians.py" one many
curl --silent -H "authorization: Bearer $token" http://127.0.0.1:9102/metrics | grep -E '^ringside_journal_pending' || true
