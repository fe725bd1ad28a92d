#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a look for holders costs: the looker, past a thousand threads that sleep;
# and the looked at, 64 threads that run and sleep in turn on stacks of 100 KB.
. "$(dirname "$0")/lib.sh"
exec python3 "$(dirname "$0")/holders.py"
