#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a load of a module costs for its 1 000 variables: comparing them, merging
# the new initializers of one half, moving the other half to new layouts.
. "$(dirname "$0")/lib.sh"
exec python3 "$(dirname "$0")/state.py"
