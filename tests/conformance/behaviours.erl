%% SPDX-License-Identifier: MIT
%%
%% Operations on gen_servers, special processes and supervisors, in Erlang;
%% player-behaviour.c is the same in C. A server S of module m is one that
%% `gen_start` made, a name that a supervisor's child has, or a special process.
%% Times out after ten seconds, but where 50 ms are said.
-module(behaviours).
-behaviour(supervisor).
-export([op/1, init/1, start_child/2]).

-define(LIMIT, 10000).
-define(SHORT, 50).

%% --- gen_servers ------------------------------------------------------------

op(["gen_start", S, M, How]) ->
    started(S, gen_server:start(atom(M), atom(How), []));
op(["gen_start_named", S, M, Name]) ->
    started(S, gen_server:start({local, atom(Name)}, atom(M), ok, []));
op(["gen_start_slow", M]) ->
    gen_server:start(atom(M), slow, [{timeout, ?SHORT}]);
op(["gen_call", S, Word]) ->
    catch gen_server:call(target(S), atom(Word), ?LIMIT);
op(["gen_call_short", S, Word]) ->
    catch gen_server:call(target(S), atom(Word), ?SHORT);
op(["gen_cast", S, Word]) -> gen_server:cast(target(S), atom(Word));
op(["gen_send", S, Word]) -> target(S) ! atom(Word), ok;
op(["gen_stop", S, Why]) ->
    catch gen_server:stop(target(S), atom(Why), ?LIMIT);
op(["waits", S, N]) ->
    Wanted = list_to_integer(N),
    until(fun() ->
              {message_queue_len, Len} =
                  process_info(target(S), message_queue_len),
              Len >= Wanted
          end);

%% --- sys --------------------------------------------------------------------

op(["special", P, M]) ->
    ets:insert(known, {P, [spawn_monitor(atom(M), special, [0])]}),
    ok;
op(["sys_suspend", S]) -> catch sys:suspend(target(S), ?LIMIT);
op(["sys_suspend_short", S]) -> catch sys:suspend(target(S), ?SHORT);
op(["sys_resume", S]) -> catch sys:resume(target(S), ?LIMIT);
op(["sys_change_code", S, M, Extra]) ->
    catch sys:change_code(target(S), atom(M), "1", atom(Extra), ?LIMIT);
op(["sys_get_state", S]) -> catch sys:get_state(target(S), ?LIMIT);
op(["sys_replace_state", S, How]) ->
    case catch sys:replace_state(target(S), replace(How), ?LIMIT) of
        N when is_integer(N) -> ok;
        Error -> Error
    end;
op(["sys_statistics", S, "get"]) ->
    case sys:statistics(target(S), get) of
        {ok, no_statistics} -> no_statistics;
        {ok, Counts} ->
            In = proplists:get_value(messages_in, Counts),
            Out = proplists:get_value(messages_out, Counts),
            io_lib:format("~p in, ~p out", [In, Out])
    end;
op(["sys_statistics", S, How]) ->
    sys:statistics(target(S), How =:= "on");
op(["sys_terminate", S, Why]) ->
    catch sys:terminate(target(S), atom(Why), ?LIMIT);

%% --- supervisors ------------------------------------------------------------

%% Children are NAME:RESTART, servers of M registered by their names; a restart
%% "failing" is permanent, and its start fails but the first time; "exiting" is
%% one that exits then; "exits" does so at once.
op(["sup_start", T, Strategy, Intensity, Period, M | Children]) ->
    Flags = #{strategy => atom(Strategy),
              intensity => list_to_integer(Intensity),
              period => list_to_integer(Period)},
    Result = supervisor:start_link(?MODULE,
                                   {Flags, [spec(M, C) || C <- Children]}),
    mark(T, started(T, Result));
op(["sup_mark", T]) -> mark(T, ok);
op(["sup_look", T]) ->
    [{_, Was}] = ets:lookup(known, {was, T}),
    lists:join(" ", [look(C, Was) || C <- which(T)]);
op(["sup_count", T]) ->
    Counts = supervisor:count_children(target(T)),
    io_lib:format("~p specs, ~p active, ~p supervisors, ~p workers",
                  [proplists:get_value(K, Counts)
                   || K <- [specs, active, supervisors, workers]]);
op(["sup_end", T, Name, Why]) ->
    Pid = whereis(atom(Name)),
    Ref = monitor(process, Pid),
    case Why of
        "kill" -> exit(Pid, kill);
        _ -> gen_server:cast(Pid, {stop, atom(Why)})
    end,
    receive {'DOWN', Ref, _, _, _} -> ok end,
    until(fun() -> not lists:member({atom(Name), Pid}, which(T)) end),
    ok;
op(["sup_settled", T, Name]) ->
    [{_, Was}] = ets:lookup(known, {was, T}),
    until(fun() ->
              Child = lists:keyfind(atom(Name), 1, which(T)),
              is_pid(element(2, Child)) andalso not lists:member(Child, Was)
          end),
    ok;
op(["sup_start_child", T, M, Child]) ->
    supervisor:start_child(target(T), spec(M, Child));
op(["sup_terminate_child", T, Name]) ->
    supervisor:terminate_child(target(T), atom(Name));
op(["sup_restart_child", T, Name]) ->
    supervisor:restart_child(target(T), atom(Name));
op(["sup_delete_child", T, Name]) ->
    supervisor:delete_child(target(T), atom(Name)).

started(S, {ok, Pid}) ->
    ets:insert(known, {S, [{Pid, monitor(process, Pid)}]}),
    ok;
started(_, {error, {shutdown, _}}) -> shutdown;
started(_, Result) -> Result.

replace("die") -> fun(_) -> exit(because) end;
replace("fail") -> fun(_) -> error(because) end;
replace(N) -> fun(_) -> list_to_integer(N) end.

init({Flags, Specs}) -> {ok, {Flags, Specs}}.

spec(M, Child) ->
    [Name, Restart] = string:lexemes(Child, ":"),
    ets:delete(known, {began, Name}),
    #{id => atom(Name),
      start => {?MODULE, start_child, [atom(M), {Name, Restart}]},
      restart => case lists:member(Restart, ["failing", "exiting", "exits"]) of
                     true -> permanent;
                     false -> atom(Restart)
                 end,
      shutdown => 1000}.

start_child(M, {Name, Restart}) ->
    Again = not ets:insert_new(known, {{began, Name}, true}),
    if Restart =:= "exits"; Restart =:= "exiting", Again -> exit(oops);
       true -> ok
    end,
    How = if Restart =:= "failing", Again -> stop; true -> ok end,
    gen_server:start_link({local, atom(Name)}, M, How, []).

which(T) ->
    case catch supervisor:which_children(target(T)) of
        {'EXIT', _} -> [];
        Children -> lists:sort([{Id, Pid} || {Id, Pid, _, _} <- Children])
    end.

mark(T, ok) -> ets:insert(known, {{was, T}, which(T)}), ok;
mark(_, Error) -> Error.

look({Id, undefined}, _) -> [atom_to_list(Id), "-"];
look({Id, restarting}, _) -> [atom_to_list(Id), "?"];
look({Id, Pid}, Was) ->
    Mark = case lists:member({Id, Pid}, Was) of true -> ""; false -> "!" end,
    [atom_to_list(Id), Mark].

%% --- both -------------------------------------------------------------------

atom(Word) -> list_to_atom(Word).

target(S) ->
    case ets:lookup(known, S) of
        [{_, [{Pid, _} | _]}] -> Pid;
        [] -> atom(S)
    end.

until(Condition) -> until(Condition, erlang:monotonic_time(millisecond)).

until(Condition, Began) ->
    case Condition() of
        true -> true;
        _ ->
            case erlang:monotonic_time(millisecond) - Began > ?LIMIT of
                true -> false;
                false -> receive after 1 -> until(Condition, Began) end
            end
    end.
