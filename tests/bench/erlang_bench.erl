%% SPDX-License-Identifier: MIT
%%
%% What erlang.py measures, on Erlang; erlang.c is the same in C. Reads lines
%% "WHAT COUNT" and prints the COUNT times it took, in microseconds. PATH/bN
%% are the ten modules' files, which `swap` exchanges before each load, as it
%% must for C, where the same content is not loaded again.
-module(erlang_bench).
-export([main/0, wait/0]).

-define(MODULES, [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]).

main() ->
    true = code:add_patha("path"),
    [swap(M) || M <- ?MODULES],
    [{module, M} = code:load_file(M) || M <- ?MODULES],
    serve().

serve() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            [What, Count] = string:lexemes(Line, " \n"),
            Times = [measure(list_to_atom(What))
                     || _ <- lists:seq(1, list_to_integer(Count))],
            io:format("~s~n", [lists:join(" ", [float_to_list(T,
                               [{decimals, 3}]) || T <- Times])]),
            serve()
    end.

measure(load_file) ->
    swap(b0),
    Time = time(fun() -> {module, b0} = code:load_file(b0) end),
    true = code:soft_purge(b0),
    Time;
measure(load_and_soft_purge) ->
    swap(b0),
    time(fun() ->
             {module, b0} = code:load_file(b0),
             true = code:soft_purge(b0)
         end);
measure(atomic_load) ->
    [swap(M) || M <- ?MODULES],
    Time = time(fun() -> ok = code:atomic_load(?MODULES) end),
    [true = code:soft_purge(M) || M <- ?MODULES],
    Time;
measure(purge_kills) ->
    Pids = [spawn_monitor(b0, local, []) || _ <- lists:seq(1, 1000)],
    [settle(P) || {P, _} <- Pids],
    swap(b0),
    {module, b0} = code:load_file(b0),
    Time = time(fun() -> true = code:purge(b0) end),
    [receive {'DOWN', Ref, _, _, killed} -> ok end || {_, Ref} <- Pids],
    Time;
measure(purge_past) ->
    case get(bystanders) of
        undefined ->
            Pids = [spawn(?MODULE, wait, []) || _ <- lists:seq(1, 1000)],
            [settle(P) || P <- Pids],
            put(bystanders, Pids);
        _ -> ok
    end,
    swap(b0),
    {module, b0} = code:load_file(b0),
    time(fun() -> false = code:purge(b0) end).

wait() -> receive stop -> ok end.

settle(Pid) ->
    case process_info(Pid, status) of
        {status, waiting} -> ok;
        _ -> erlang:yield(), settle(Pid)
    end.

time(Fun) ->
    Began = erlang:monotonic_time(nanosecond),
    Fun(),
    (erlang:monotonic_time(nanosecond) - Began) / 1000.

%% The other version's file, under the module's name.
swap(M) ->
    Other = case get(M) of 1 -> 2; _ -> 1 end,
    put(M, Other),
    Name = atom_to_list(M) ++ ".beam",
    New = "path/" ++ Name ++ ".new",
    ok = file:make_link(integer_to_list(Other) ++ "/" ++ Name, New),
    ok = file:rename(New, "path/" ++ Name).
