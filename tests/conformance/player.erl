%% SPDX-License-Identifier: MIT
%%
%% Plays a conformance case on Erlang: player.c is the same for the code
%% server. main/1 gets the file of the case, one operation a line, and the
%% folder in which stage.py has laid out every version that occurs, as
%% STAGE/KEY/MODULE.beam. For each operation a line is printed with what came
%% of it, in the words that README.md lists.
%%
%% Operations that a case starts beside the others (`start`) run in processes
%% of their own. What must come about is waited for, ten seconds at most.
-module(player).
-export([main/1, op/1]).
-export([wait/0, read/1, leave/1, echo/1, trace/0, tell/2, server/1, word/1]).

-define(LIMIT, 10000).
-define(MODULES, [m, n, o, p, q]).

main([Case, Stage]) ->
    process_flag(trap_exit, true),
    error_logger:tty(false),
    register(player, self()),
    put(stage, Stage),
    ets:new(known, [named_table, public]),
    ets:insert(known, {stage, Stage}),
    ok = file:make_dir("path"),
    true = code:add_patha(filename:join(Stage, "0")),
    true = code:add_patha("path"),
    [{module, M} = code:load_file(M) || M <- ?MODULES],
    {ok, Text} = file:read_file(Case),
    Lines = string:lexemes(binary_to_list(Text), "\n"),
    [io:format("~s~n", [word(op(string:lexemes(L, " ")))]) || L <- Lines],
    halt(0).

stage() -> ets:lookup_element(known, stage, 2).

atom(Word) -> list_to_atom(Word).

%% --- words ------------------------------------------------------------------

word(Term) when is_atom(Term) -> atom_to_list(Term);
word(Term) when is_integer(Term) -> integer_to_list(Term);
word({module, _}) -> "ok";
word({ok, _}) -> "ok";
word({error, Why}) -> word(Why);
word({'EXIT', {Why, _}}) -> word(Why);
word({'EXIT', Why}) -> word(Why);
word([{_, _} | _] = List) ->
    lists:join(", ", [[word(A), " ", word(B)] || {A, B} <- lists:sort(List)]);
word(Text) when is_list(Text) -> Text;
word({Why, _}) -> word(Why);
word({Why, _, _}) -> word(Why).

%% --- loading ----------------------------------------------------------------

beam(Key, M) -> filename:join([stage(), Key, M ++ ".beam"]).

op(["put", M, Key]) ->
    {ok, _} = file:copy(beam(Key, M), path(M)),
    ok;
op(["spoil", M, How]) ->
    {ok, Whole} = file:read_file(beam("1", M)),
    ok = file:write_file(path(M), spoilt(atom(How), Whole));
op(["remove", M]) -> file:delete(path(M));
op(["touch", M]) -> file:change_time(path(M), {{2020, 1, 1}, {0, 0, 0}});
op(["compile", M, "broken"]) ->
    ok = file:write_file(M ++ ".erl", "-module(" ++ M ++ ").\nf( -> no.\n"),
    compile:file(M, []);
op(["load_file", M]) -> code:load_file(atom(M));
op(["load_abs", M, Key]) ->
    code:load_abs(filename:join([stage(), Key, M]));
op(["load_binary", M, Key]) ->
    {ok, Code} = case Key of
                     "bad" -> {ok, <<"bad">>};
                     _ -> file:read_file(beam(Key, M))
                 end,
    code:load_binary(atom(M), beam(Key, M), Code);
op(["ensure_loaded", M]) -> code:ensure_loaded(atom(M));
op(["atomic_load" | Items]) -> code:atomic_load([item(I) || I <- Items]);
op(["ensure_modules_loaded" | Ms]) ->
    code:ensure_modules_loaded([atom(M) || M <- Ms]);
op(["prepare", Name | Items]) ->
    case code:prepare_loading([item(I) || I <- Items]) of
        {ok, Prepared} -> ets:insert(known, {Name, Prepared}), ok;
        Error -> Error
    end;
op(["finish", Name]) ->
    case catch code:finish_loading(ets:lookup_element(known, Name, 2)) of
        {'EXIT', {Why, _}} -> Why;
        Result -> Result
    end;

%% --- getting rid of it ------------------------------------------------------

op(["soft_purge", M]) -> code:soft_purge(atom(M));
op(["purge", M]) -> code:purge(atom(M));
op(["delete", M]) -> code:delete(atom(M));

%% --- asking -----------------------------------------------------------------

op(["is_loaded", M]) ->
    case code:is_loaded(atom(M)) of {file, _} -> true; false -> false end;
op(["which", M]) -> folder(code:which(atom(M)));
op(["all_loaded"]) ->
    Loaded = [M || {M, _} <- lists:sort(code:all_loaded()),
                   lists:member(M, ?MODULES)],
    lists:join(" ", [atom_to_list(M) || M <- Loaded]);
op(["module_status", M]) -> code:module_status(atom(M));
op(["stick", M]) -> code:stick_dir(folder_of(M));
op(["unstick", M]) -> code:unstick_dir(folder_of(M));
op(["is_sticky", M]) -> code:is_sticky(atom(M));
op(["check_old_code", M]) -> erlang:check_old_code(atom(M));
op(["check_process_code", P, M]) ->
    erlang:check_process_code(pid(P), atom(M));

%% --- calls ------------------------------------------------------------------

op(["call", M, F]) ->
    in_process(fun() -> apply(atom(M), atom(F), []) end);
op(["hold", Name, M, F]) ->
    ets:insert(known, {Name, apply(atom(M), atom(F), [])}),
    ok;
op(["show", Name]) -> ets:lookup_element(known, Name, 2);
op(["call_held", Name]) ->
    in_process(fun() -> (ets:lookup_element(known, Name, 2))() end);
op(["drop", Name]) -> ets:delete(known, Name), ok;

%% --- processes --------------------------------------------------------------

op(["spawn", P, M, F]) -> op(["spawn_many", "1", P, M, F]);
op(["spawn_many", N, P, M, F]) ->
    Pids = [start(M, F) || _ <- lists:seq(1, list_to_integer(N))],
    [settle(Pid, F) || Pid <- Pids],
    ets:insert(known, {P, Pids}),
    ok;
op(["bystanders", N, P]) -> op(["spawn_many", N, P, "player", "wait"]);
op(["server", P, M]) ->
    {Pid, Ref} = spawn_monitor(?MODULE, server, [atom(M)]),
    ets:insert(known, {P, [{Pid, Ref}]}),
    ok;
op(["link", P, Q]) ->
    Other = pid(Q),
    Ref = make_ref(),
    pid(P) ! {link, self(), Ref, Other},
    answer(pid(P), Ref);
op(["ask", P]) ->
    Ref = make_ref(),
    pid(P) ! {ask, self(), Ref},
    answer(pid(P), Ref);
op(["from", P | Words]) ->
    Ref = make_ref(),
    pid(P) ! {do, self(), Ref, Words},
    answer(pid(P), Ref);
op(["wake", P]) -> [Pid ! {wake, P} || {Pid, _} <- pids(P)], ok;
op(["suspend", P]) -> erlang:suspend_process(pid(P));
op(["rest", P]) ->
    [settle(Process, "rest") || Process <- pids(P)],
    ok;
op(["alive", P]) ->
    integer_to_list(length([P || {Pid, _} <- pids(P), is_process_alive(Pid)]));
op(["exit", P, Why]) -> exit(pid(P), atom(Why));
op(["reason", P]) ->
    Reasons = lists:usort([reason(D) || D <- pids(P)]),
    lists:join(", ", [word(R) || R <- Reasons]);
op(["tell", Name, Word]) ->
    until(fun() -> whereis(atom(Name)) =/= undefined end),
    atom(Name) ! atom(Word),
    ok;
op(["kill_named", Name]) -> exit(whereis(atom(Name)), kill);
op(["told", Name]) ->
    until(fun() -> ets:member(known, {told, Name}) end),
    [{_, Word}] = ets:take(known, {told, Name}),
    Word;
op(["switch_all", P, Passes | Items]) ->
    Rounds = lists:append(lists:duplicate(list_to_integer(Passes), Items)),
    tally([switch(P, string:lexemes(Item, ":")) || Item <- Rounds]);
op(["exit_then_check", M]) -> ended_then_check(M, fun() -> ok end);
op(["exited_then_check", M]) ->
    ended_then_check(M, fun() -> op(["reason", "once"]) end);

%% --- several at a time ------------------------------------------------------

op(["start", Job | Words]) ->
    {_, Ref} = spawn_monitor(fun() -> exit({result, op(Words)}) end),
    ets:insert(known, {Job, Ref}),
    ok;
op(["result", Job]) ->
    Ref = ets:lookup_element(known, Job, 2),
    receive {'DOWN', Ref, process, _, {result, Result}} -> Result
    after ?LIMIT -> "no result"
    end;
op(["pending", Name]) ->
    until(fun() -> whereis(atom(Name)) =/= undefined end),
    true;
op(["times", N | Words]) ->
    at_once(lists:duplicate(list_to_integer(N), Words));
op(["race", Op | Items]) ->
    at_once([[Op | string:lexemes(Item, ":")] || Item <- Items]);
op(["repeat", N | Words]) ->
    tally([word(op(Words)) || _ <- lists:seq(1, list_to_integer(N))]);
op(["soft_purge_soon", M]) -> until(fun() -> code:soft_purge(atom(M)) end);
op(Words) -> behaviours:op(Words).

ended_then_check(M, Wait) ->
    op(["spawn", "once", M, "local"]),
    op(["delete", M]),
    exit(pid("once"), kill),
    Wait(),
    Held = op(["check_process_code", "once", M]),
    op(["purge", M]),
    op(["load_abs", M, "0"]),
    Held.

%% Loads a version, tells all processes to go over, purges when they have. In
%% the cases no process is to be killed by that.
switch(P, [M, Key]) ->
    Loaded = op(["load_abs", M, Key]),
    [Pid ! {change, list_to_integer(Key)} || {Pid, _} <- pids(P)],
    Soft = op(["soft_purge_soon", M]),
    [word(Loaded), " ", word(Soft)].

spoilt(empty, _) -> <<>>;
spoilt(text, _) -> <<"this is no object\n">>;
spoilt(truncated, Whole) -> binary:part(Whole, 0, byte_size(Whole) div 2);
%% In the chunk of the code, since not every chunk is looked at on load.
spoilt(flipped, Whole) ->
    {Code, 4} = binary:match(Whole, <<"Code">>),
    Before = Code + 15,
    <<A:Before/binary, X, B/binary>> = Whole,
    <<A/binary, (X bxor 16), B/binary>>;
spoilt(other, _) ->
    {ok, Other} = file:read_file(beam("1", "n")),
    Other.

path(M) -> "path/" ++ M ++ ".beam".

item(Item) ->
    case string:lexemes(Item, ":") of
        [M] -> atom(M);
        [M, "bad"] -> {atom(M), M, <<"bad">>};
        [M, Key] ->
            {ok, Code} = file:read_file(beam(Key, M)),
            {atom(M), beam(Key, M), Code}
    end.

folder(Path) when is_list(Path) ->
    filename:basename(filename:dirname(Path));
folder(Other) -> Other.

folder_of(M) -> filename:dirname(code:which(atom(M))).

at_once(Lines) ->
    Jobs = [spawn_monitor(fun() -> exit({result, op(Words)}) end)
            || Words <- Lines],
    tally([receive {'DOWN', Ref, process, _, {result, R}} -> word(R) end
           || {_, Ref} <- Jobs]).

%% "19 false, 1 true" is said as "1 true, 19 false": the fewest first.
tally(Words) ->
    Kinds = [{length([W || W <- Words, W =:= K]), K}
             || K <- lists:usort(Words)],
    lists:join(", ", [[integer_to_list(N), " ", K]
                      || {N, K} <- lists:sort(Kinds)]).

%% --- what modules and operations call --------------------------------------

start(M, F) -> spawn_monitor(atom(M), atom(F), args(M, F)).

args(M, "check") -> [apply(atom(M), version, [])];
args(_, _) -> [].

%% Until it is where it is to be: waiting, or running where it computes.
settle({Pid, _}, F) ->
    Goal = atom(F),
    until(fun() ->
              case process_info(Pid, [status, current_function]) of
                  [{status, waiting}, _] -> true;
                  [_, {current_function, {_, Goal, _}}] -> true;
                  undefined -> true;
                  _ -> false
              end
          end).

%% Answers by calling its module: a behaviour's loop.
server(M) ->
    receive {ask, From, Ref} -> From ! {Ref, M:version()} end,
    server(M).

%% Sits in the player's own code until it is woken.
wait() ->
    receive
        {wake, _} -> woken;
        {link, From, Ref, Pid} -> link(Pid), From ! {Ref, ok}, wait()
    end.

%% Has nothing but Text of the module it came from.
read(Text) ->
    receive {ask, From, Ref} -> From ! {Ref, Text} end,
    read(Text).

leave(_) -> wait().

echo(X) -> X.

trace() ->
    try erlang:error(trace)
    catch error:trace:Stack -> Stack
    end.

tell(Name, Term) ->
    ets:insert(known, {{told, atom_to_list(Name)}, word(Term)}),
    ok.

in_process(Fun) ->
    {_, Ref} = spawn_monitor(fun() -> exit({result, Fun()}) end),
    receive
        {'DOWN', Ref, process, _, {result, List}} when is_list(List) ->
            case lists:all(fun(X) -> is_integer(X) andalso X < 10 end, List) of
                true -> lists:join(" ", [integer_to_list(X) || X <- List]);
                false -> List
            end;
        {'DOWN', Ref, process, _, {result, Result}} -> Result;
        {'DOWN', Ref, process, _, Why} -> Why
    end.

pids(P) -> ets:lookup_element(known, P, 2).

pid(P) ->
    [{Pid, _} | _] = pids(P),
    Pid.

answer(Pid, Ref) ->
    Monitor = monitor(process, Pid),
    receive
        {Ref, Answer} -> demonitor(Monitor, [flush]), Answer;
        {'DOWN', Monitor, process, _, _} -> "dead"
    after ?LIMIT -> "no answer"
    end.

reason({Pid, Ref}) ->
    receive {'DOWN', Ref, process, Pid, Why} ->
        case Why of {R, _} -> R; _ -> Why end
    after ?LIMIT -> alive
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
