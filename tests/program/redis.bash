# SPDX-License-Identifier: MIT
#
# What the tests of Redis share: a server on a unix socket and nothing else.
# Needs sock (a short path) and cli (of redis-cli).

# redis_conf FOLDER: a server that answers on the socket only
redis_conf() {
	mkdir -p "$1"
	cat >"$1/redis.conf" <<-END
		port 0
		unixsocket $sock
		dir $PWD/$1
		save ""
		pidfile $PWD/$1/redis.pid
		logfile $PWD/$1/redis.log
		enable-debug-command local
	END
}

ask() {
	"$cli" -s "$sock" "$@"
}

serving() {
	[ "$(ask ping)" != "" ]
}

# saved: BGSAVE's child has ended
saved() {
	ask info persistence | grep -q 'rdb_bgsave_in_progress:0'
}
