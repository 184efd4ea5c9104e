#!/bin/sh
# As in the official image of coturn: options alone run the server; anything else is run as it is.
set -e
case ${1:-} in
-*) exec turnserver "$@" ;;
*) exec "$@" ;;
esac
