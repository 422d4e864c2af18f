#!/usr/bin/env bash
# Asks Tallymark for badges with curl.
#
#   curl.sh badge [TAG…]       the badge, of the rooms with all of these tags
#   curl.sh after SEQ [TAG…]   the same, with every event up to SEQ in it
#   curl.sh again N            the badge N times, a second apart; `unchanged` where it is the same
#   curl.sh live N [TAG…]      the next N badges, as they change
#
# BADGE_URL, BADGE_CLIENT_KEY and BADGE_TOKEN say where, which app and who.
set -euo pipefail

# After 429 and 503, curl waits as long as `Retry-After` says, and asks again. With anything else, such as 401, it says so
# and fails: the app needs another token then, not another try.
ask=(curl --silent --show-error --fail --retry 20 --retry-connrefused --get
  -H "IM-CLIENT-KEY: $BADGE_CLIENT_KEY" -H "IM-Authorization: $BADGE_TOKEN")

# The arguments that add tags to the query.
tags() {
  query=()
  for tag in "$@"; do query+=(--data-urlencode "roomTags=$tag"); done
}

number() { grep -o '"badge":[0-9]*' | cut -d: -f2; }

badge() {
  tags "$@"
  "${ask[@]}" "${query[@]}" "$BADGE_URL/me/badge" | number
}

# Whoever publishes that something was read learns the event's sequence, and never sees the old number with it.
after() {
  tags "${@:2}"
  "${ask[@]}" --data "minSeq=$1" "${query[@]}" "$BADGE_URL/me/badge" | number
}

again() {
  local etag body
  etag=$(mktemp)
  trap 'rm -f "$etag"' RETURN
  for _ in $(seq "$1"); do
    # An entity tag that still fits is answered with 304 and no body.
    body=$("${ask[@]}" --etag-compare "$etag" --etag-save "$etag" "$BADGE_URL/me/badge")
    if [ -n "$body" ]; then number <<< "$body"; else echo unchanged; fi
    sleep 1
  done
}

# A connection that ends is made anew, from the last event on.
live() {
  local left=$1 last="" event="" name value status
  tags "${@:2}"
  while true; do
    while IFS=: read -r name value; do
      value=${value# }
      case $name in
        event) event=$value ;;
        id) last=$value ;;
        data)
          # The only other event says why this is the end of the stream.
          if [ "$event" != badge ]; then continue; fi
          number <<< "$value"
          left=$((left - 1))
          if [ "$left" = 0 ]; then
            kill "$!"
            return
          fi
          ;;
      esac
    done < <(exec "${ask[@]}" --no-buffer ${last:+-H "Last-Event-ID: $last"} "${query[@]}" "$BADGE_URL/me/badge/live")
    status=0
    wait "$!" || status=$?
    # That it was refused, and not for now.
    if [ "$status" = 22 ]; then return 1; fi
    sleep 1
  done
}

"$@"
