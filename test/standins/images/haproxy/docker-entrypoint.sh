#!/bin/sh
# As in the official image of HAProxy: options alone, or the command `haproxy`, run it as master and workers in the
# foreground; anything else is run as it is.
set -e
case ${1:-} in
-*) exec haproxy -W -db "$@" ;;
haproxy)
  shift
  exec haproxy -W -db "$@"
  ;;
*) exec "$@" ;;
esac
