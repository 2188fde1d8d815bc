#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Health probes: what is asked, what counts, what follows.
load ../lib/harness

# start_probed NAME SCRIPT HEALTH [MORE]: an app whose `health` is that JSON object.
start_probed() {
  printf '{"apps":[{"name":"%s","script":"%s","interpreter":"%s","health":%s%s}]}\n' \
    "$1" "$2" "$([ "${2##*.}" = py ] && echo "$PYTHON" || echo none)" "$3" "${4:+,$4}" >"$1.json"
  pm2 start "$1.json"
}

# The web server of tests/apps on a free port, in $PORT, probed by HTTP each 100 ms.
start_web() { # [MORE OF HEALTH]
  PORT=$(free_port)
  export PORT
  start_probed web health.py "{\"http\":\"http://127.0.0.1:$PORT/up?x=1\",\"interval\":100$1}"
}

health_is() { # NAME STATUS
  app_is "$1" pm2_env.health_state.status "$2"
}

wait_health() { # NAME STATUS
  wait_app "$1" pm2_env.health_state.status "$2"
}

has_restarted() { # NAME [TIMES]: at least
  [ "$(app "$1" pm2_env.restart_time)" -ge "${2:-1}" ]
}

asked_more_than() { # COUNT
  [ "$(grep -c '^asked' "$(log_of web-out)")" -gt "$1" ]
}

@test "http: healthy while the answer is good" {
  ours_only "has no probes"
  start_web
  wait_health web healthy
  app_is web pm2_env.health_state.failures 0
  file_has "$(log_of web-out)" "asked GET /up?x=1 HTTP/1.1 Host: 127.0.0.1:$PORT"
  echo 302 >answer
  wait_until asked_more_than "$(grep -c '^asked' "$(log_of web-out)")"
  health_is web healthy
  app_is web pm2_env.restart_time 0
  run pm2 ls
  assert_has online
}

@test "http: a bad status is shown, and forgotten after a good one" {
  ours_only "has no probes"
  start_web ',"retries":1000'
  wait_health web healthy
  local pid
  pid=$(app_pid web)
  echo 503 >answer
  wait_health web unhealthy
  wait_app web pm2_env.health_state.error "answered with status 503"
  run pm2 ls
  assert_has unhealthy
  assert_lacks online
  run pm2 describe web
  assert_has "failed in a row"
  assert_has "answered with status 503"
  app_is web pid "$pid"
  echo 200 >answer
  wait_health web healthy
  app_is web pm2_env.health_state.error ""
  run pm2 ls
  assert_lacks unhealthy
  app_is web pid "$pid"
  app_is web pm2_env.restart_time 0
}

@test "http: restarted after that many failures in a row, and counted" {
  ours_only "has no probes"
  start_web ',"retries":2'
  wait_health web healthy
  local pid
  pid=$(app_pid web)
  echo 500 >answer
  wait_until has_restarted web
  rm answer
  wait_health web healthy
  [ "$(app_pid web)" != "$pid" ]
  file_has "$TEST_PM2_HOME/pm2.log" "App [web:0] health probe 1 of 2 failed: answered with status 500"
  file_has "$TEST_PM2_HOME/pm2.log" "App [web:0] health probe 2 of 2 failed"
  file_has "$TEST_PM2_HOME/pm2.log" "App [web:0] is unhealthy: restarting it"
}

@test "http: no answer in time, no HTTP, nothing at all" {
  ours_only "has no probes"
  start_web ',"timeout":200,"retries":1000'
  wait_health web healthy
  echo hang >answer
  wait_app web pm2_env.health_state.error "no answer within 200 ms"
  echo junk >answer
  wait_app web pm2_env.health_state.error "the answer is not HTTP"
  echo 500 >answer
  wait_app web pm2_env.health_state.error "answered with status 500"
  echo endless >answer
  wait_app web pm2_env.health_state.error "the answer is not HTTP"
  echo nothing >answer
  wait_app web pm2_env.health_state.error "the connection was closed without an answer"
  rm answer
  wait_health web healthy
}

@test "http: a name, with more than one address" {
  ours_only "has no probes"
  PORT=$(free_port)
  export PORT
  start_probed web health.py "{\"http\":\"http://localhost:$PORT\",\"interval\":100}"
  wait_health web healthy
  start_probed lost "$(command -v sleep) 1000" '{"http":"http://no-such-host.invalid/","interval":100,"retries":1000}'
  wait_health lost unhealthy
}

@test "tcp: a port that listens, and one that does not" {
  ours_only "has no probes"
  PORT=$(free_port)
  export PORT
  start_probed up health.py "{\"tcp\":$PORT,\"interval\":100}"
  wait_health up healthy
  start_probed down "$(command -v sleep) 1000" "{\"tcp\":\"127.0.0.1:$(free_port)\",\"interval\":100,\"retries\":1000}"
  wait_app down pm2_env.health_state.error "connection refused"
  app_is up pm2_env.restart_time 0
}

@test "exec: exit code and last line of output" {
  ours_only "has no probes"
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":"echo looking; [ -e good ] || { echo no good file; exit 3; }","interval":100,"retries":1000}'
  wait_app app pm2_env.health_state.error "the command ended with exit code 3: no good file"
  touch good
  wait_health app healthy
  app_is app pm2_env.restart_time 0
}

@test "exec: a list is executed as it is, with the app's folder and variables" {
  ours_only "has no probes"
  mkdir inner
  # shellcheck disable=SC2016 # for the probe's shell
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":["sh","-c","pwd; echo $OWN $pm_id $0; cat","a b"],"interval":100,"timeout":5000}' \
    "\"env\":{\"OWN\":\"mine\"},\"cwd\":\"$WORK/inner\""
  wait_health app healthy # cat has no input: it ends
  # shellcheck disable=SC2016
  start_probed shown "$(command -v sleep) 1000" \
    '{"exec":["sh","-c","echo $PWD $OWN $pm_id $0; exit 1","a b"],"interval":100,"retries":1000}' \
    "\"env\":{\"OWN\":\"mine\"},\"cwd\":\"$WORK/inner\""
  wait_app shown pm2_env.health_state.error \
    "the command ended with exit code 1: $WORK/inner mine 1 a b"
}

probe_leftovers() {
  local pid
  for pid in $(processes_left); do
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^sleep 4321' && echo "$pid"
  done
  return 0
}

no_probe_leftovers() {
  [ -z "$(probe_leftovers)" ]
}

@test "exec: one that takes too long is killed with its children" {
  ours_only "has no probes"
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":"touch begun; sleep 4321 & sleep 4321","interval":60000,"timeout":300,"retries":1000}'
  wait_until test -e begun
  wait_app app pm2_env.health_state.error "no answer within 300 ms"
  pm2 stop app
  wait_until no_probe_leftovers
}

@test "exec: what it leaves behind is killed; a signal and an unknown command are told" {
  ours_only "has no probes"
  start_probed left "$(command -v sleep) 1000" '{"exec":"sleep 4321 >/dev/null & :","interval":60000}'
  wait_health left healthy
  wait_until no_probe_leftovers
  start_probed killed "$(command -v sleep) 1000" '{"exec":"kill -SEGV $$","interval":100,"retries":1000}'
  wait_app killed pm2_env.health_state.error "the command was ended by SIGSEGV"
  start_probed lost "$(command -v sleep) 1000" '{"exec":["no-such-command"],"interval":100,"retries":1000}'
  wait_app lost pm2_env.health_state.error "no-such-command: No such file or directory"
}

@test "exec: of a long output the end is shown, cut between characters" {
  ours_only "has no probes"
  local line error
  line=$(printf 'é%.0s' {1..500})
  start_probed app "$(command -v sleep) 1000" \
    "{\"exec\":\"head -c 300000 /dev/zero; echo; echo $line; exit 1\",\"interval\":100,\"retries\":1000}"
  wait_health app unhealthy
  error=$(app app pm2_env.health_state.error)
  assert_has "the command ended with exit code 1: éé" "$error"
  [ "$(printf %s "$error" | wc -c)" -gt 250 ]
  [ "$(printf %s "$error" | wc -c)" -le 256 ]
  printf %s "$error" | iconv -f UTF-8 -t UTF-8 >/dev/null
}

@test "exec: as the app's user" {
  ours_only "has no probes"
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  open_work
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":"id -u; exit 1","interval":100,"retries":1000}' '"uid":65534'
  wait_app app pm2_env.health_state.error "the command ended with exit code 1: 65534"
}

@test "start_period: failures do not count in it, a success does" {
  ours_only "has no probes"
  start_web ',"start_period":"1h","retries":1'
  wait_health web healthy
  echo 500 >answer
  local asked
  asked=$(grep -c '^asked' "$(log_of web-out)")
  wait_until asked_more_than $((asked + 3))
  app_is web pm2_env.restart_time 0
  app_is web pm2_env.health_state.failures 0
}

@test "start_period: they count after it" {
  ours_only "has no probes"
  echo 500 >answer
  local began
  began=$(date +%s%N)
  start_web ',"start_period":800,"retries":2'
  wait_until has_restarted web
  [ $((($(date +%s%N) - began) / 1000000)) -ge 800 ]
  asked_more_than 3
}

@test "stopped: nothing is asked; started again: it is" {
  ours_only "has no probes"
  start_web
  wait_health web healthy
  pm2 stop web
  local asked
  asked=$(grep -c '^asked' "$(log_of web-out)")
  # Another app, probed just as often, shows that time has passed.
  start_probed clock "$(command -v sleep) 1000" '{"exec":"echo x >>ticks","interval":100}'
  wait_until file_lines ticks 4
  assert_equal "$(grep -c '^asked' "$(log_of web-out)")" "$asked"
  app_is web pm2_env.status stopped
  app_is web pm2_env.health_state ""
  pm2 start web
  wait_until asked_more_than "$asked"
  wait_health web healthy
}

@test "a restart with another file: another probe, or none" {
  ours_only "has no probes"
  start_web
  wait_health web healthy
  start_probed web health.py '{"exec":"echo so; exit 4","interval":100,"retries":1000}'
  wait_app web pm2_env.health_state.error "the command ended with exit code 4: so"
  printf '{"apps":[{"name":"web","script":"health.py","interpreter":"%s"}]}' "$PYTHON" >web.json
  pm2 restart web.json
  app_is web pm2_env.status online
  app_is web pm2_env.health_state ""
}

@test "after the death of pm2d probing goes on" {
  ours_only "has no probes"
  start_web ',"retries":2'
  wait_health web healthy
  local pid
  pid=$(app_pid web)
  pm2d_dies
  wait_health web healthy
  app_is web pid "$pid"
  app_is web pm2_env.restart_time 0
  echo 500 >answer
  wait_until has_restarted web
  rm answer
  wait_health web healthy
}

@test "killed in the middle of a probe: pm2d and probe leave nothing" {
  ours_only "has no probes"
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":"touch begun; sleep 4321","interval":60000,"timeout":"1h"}'
  wait_until test -e begun
  pm2d_dies
  pm2 delete app
  wait_until no_probe_leftovers
}

@test "the daemon ends while probes are under way" {
  ours_only "has no probes"
  start_web ',"timeout":"1h"'
  wait_health web healthy
  local asked
  asked=$(grep -c '^asked' "$(log_of web-out)") # before: the first one that hangs is the last
  echo hang >answer
  wait_until asked_more_than "$asked"
  start_probed app "$(command -v sleep) 1000" \
    '{"exec":"touch begun; sleep 4321","interval":60000,"timeout":"1h"}'
  wait_until test -e begun
  run pm2 kill
  assert_ok
  wait_until no_processes_left
  refute grep "handles were left" "$TEST_PM2_HOME/pm2.log"
}

@test "what depends on a ready app waits until it is healthy" {
  ours_only "has no probes"
  PORT=$(free_port)
  export PORT
  echo 500 >answer
  cat >both.json <<EOF
{"apps":[
  {"name":"front","script":"$(command -v sleep) 1000","depends_on":{"web":"ready"}},
  {"name":"web","script":"health.py","interpreter":"$PYTHON",
   "health":{"http":"http://127.0.0.1:$PORT","interval":100,"retries":1000}}
]}
EOF
  pm2 start both.json >start.out 2>&1 &
  wait_until asked_more_than 1
  wait_health web unhealthy
  refute app_is front pm2_env.status online
  rm answer
  wait_status front online
  wait
  health_is web healthy
}

@test "an app without a probe shows nothing of it" {
  pm2 start sleep -- 1000
  app_is sleep pm2_env.health_state ""
  run pm2 describe sleep
  assert_lacks "health"
}
