# SPDX-License-Identifier: MIT
"""rpc.py SOCKET METHOD [PARAMS]: one call; prints the result as JSON. An error
object goes to stderr, with status 1."""
import json
import sys

from peer import Peer, Refused

path, method, *params = sys.argv[1:]
try:
    result = Peer(path).call(method, *map(json.loads, params))
except (OSError, EOFError, Refused) as error:
    sys.exit(str(error))
print(json.dumps(result))
