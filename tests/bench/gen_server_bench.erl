%% SPDX-License-Identifier: MIT
%%
%% What gen_server.py measures, in Erlang; gen-server-target.c is the same in C.
-module(gen_server_bench).
-behaviour(gen_server).
-export([main/0, init/1, handle_call/3, handle_cast/2]).

main() ->
    {ok, Server} = gen_server:start(?MODULE, 0, []),
    serve(Server).

init(N) -> {ok, N}.
handle_call(add, _, N) -> {reply, N, N + 1}.
handle_cast(_, N) -> {noreply, N}.

serve(Server) ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            [Callers, Calls] = [list_to_integer(W)
                                || W <- string:lexemes(Line, " \n")],
            io:format("~.1f~n", [measure(Server, Callers, Calls)]),
            serve(Server)
    end.

measure(Server, Callers, Calls) ->
    Began = erlang:monotonic_time(nanosecond),
    All = [spawn_monitor(fun() -> call_all(Server, Calls) end)
           || _ <- lists:seq(1, Callers)],
    [receive {'DOWN', Ref, _, _, normal} -> ok end || {_, Ref} <- All],
    (erlang:monotonic_time(nanosecond) - Began) / Calls / Callers.

call_all(_, 0) -> ok;
call_all(Server, N) ->
    gen_server:call(Server, add, infinity),
    call_all(Server, N - 1).
