%% SPDX-License-Identifier: MIT
%%
%% What every module of the conformance cases is, in Erlang; module.c is the
%% same in C, function by function. NAME is the module's name, V its version;
%% LACKS leaves functions out, ON_LOAD and an ON_LOAD_ word give it an on_load.
-module(?NAME).
-compile([export_all, nowarn_export_all, nowarn_unused_function]).
-ifdef(ON_LOAD).
-on_load(on_load/0).
-endif.

version() -> ?V.

%% The server that moves on: it waits, answers from the code it is in, and
%% calls itself qualified.
-ifndef(LACKS).
loop() ->
    receive {ask, From, Ref} -> From ! {Ref, ?V} end,
    ?MODULE:loop().

extra() -> ?V * 10.
-endif.

%% The one that does not.
local() ->
    receive {ask, From, Ref} -> From ! {Ref, ?V} end,
    local().

%% Stays, but calls another function qualified.
mixed() ->
    receive {ask, From, Ref} -> From ! {Ref, ?MODULE:version()} end,
    mixed().

trap() ->
    process_flag(trap_exit, true),
    local().

busy() -> busy().

%% A gen_server whose state is a number, and which tells of its end.
init(ok) -> {ok, 0};
init(ignore) -> ignore;
init(stop) -> {stop, because};
init(exit) -> exit(so);
init(slow) -> receive never -> ok end;
init(go_on) -> {ok, 0, {continue, 5}}.

handle_call(version, _, N) -> {reply, ?V, N};
handle_call(get, _, N) -> {reply, N, N};
handle_call(add, _, N) -> {reply, ok, N + 1};
handle_call(silent, _, N) -> {noreply, N};
handle_call(later, From, N) -> self() ! {answer, From}, {noreply, N};
handle_call(stop, _, N) -> {stop, because, ok, N};
handle_call(exit, _, _) -> exit(so);
handle_call(short, _, N) -> {reply, ok, N, 1};
handle_call(go_on, _, N) -> {reply, ok, N, {continue, 5}}.

handle_cast(add, N) -> {noreply, N + 1};
handle_cast(hang, N) -> {noreply, hang(N)};
handle_cast({stop, Why}, N) -> {stop, Why, N}.

handle_info(timeout, N) -> player:tell(timed_out, N), {noreply, N};
handle_info({answer, From}, N) -> gen_server:reply(From, late), {noreply, N};
handle_info(_, N) -> {noreply, N + 10}.

hang(N) ->
    player:tell(hanging, 1),
    receive never -> ok end,
    N + 1.

handle_continue(X, N) -> {noreply, N + X}.

terminate(Why, _) -> player:tell(terminated, player:word(Why)).

-ifndef(LACKS).
code_change(_, _, fail) -> {error, no};
code_change(_, _, die) -> exit(because);
code_change(_, N, _) -> {ok, N + 1000}.
-endif.

%% A process with a loop of its own that obeys system messages.
special(N) ->
    receive
        {ask, From, Ref} -> From ! {Ref, ?V}, ?MODULE:special(N);
        {system, From, Request} ->
            sys:handle_system_msg(Request, From, whereis(player), ?MODULE, [],
                                  N)
    end.

system_continue(_, _, N) -> special(N).
system_terminate(Why, _, _, _) -> exit(Why).
system_get_state(N) -> {ok, N}.
system_replace_state(F, N) -> New = F(N), {ok, New, New}.
-ifndef(LACKS).
system_code_change(N, _, _, Extra) -> code_change("1", N, Extra).
-endif.

%% Only a return address is here.
below() ->
    Word = player:wait(),
    {?V, Word}.

%% Does what it is told, from here: a caller in old code.
caller() ->
    receive {do, From, Ref, Words} ->
        From ! {Ref, player:op(Words)}
    end,
    caller().

%% Keeps to the version it was called in until that is told to switch; then
%% its own word must be the new version's.
check(T) ->
    receive
        {change, V} -> ?MODULE:check(V)
    after 0 ->
        T = ?V,
        check(T)
    end.

literal() -> [$l, $i, $t, $e, $r, $a, $l, 48 + ?V].

%% Has nothing of the module but a literal.
reader() -> player:read(literal()).

%% Functions that the outside gets hold of: of this very version, and one
%% named qualified.
pick() -> fun() -> ?V end.

external() -> fun ?MODULE:extra/0.

%% Its own version, and what the next module's is now.
across() -> [?V, ?NEXT:version()].

%% Calls and returns; then the process goes on elsewhere.
before() -> player:leave(helper(?V)).

helper(X) -> player:echo(X) * 2.

trace() -> player:trace().


-ifdef(ON_LOAD_OK).
on_load() -> ok.
-endif.
-ifdef(ON_LOAD_ERROR).
on_load() -> error.
-endif.
-ifdef(ON_LOAD_EXIT).
on_load() -> exit(because).
-endif.
-ifdef(ON_LOAD_KILLED).
on_load() -> exit(self(), kill), receive never -> ok end.
-endif.
-ifdef(ON_LOAD_WAIT).
on_load() ->
    register(on_load, self()),
    receive go -> ok; fail -> error end.
-endif.
-ifdef(ON_LOAD_SELF).
on_load() ->
    player:tell(on_load_self, ?MODULE:version()),
    ok.
-endif.
-ifdef(ON_LOAD_ORDER).
on_load() ->
    player:tell(on_load_order, ?V),
    ok.
-endif.
-ifdef(ON_LOAD_LAST).
on_load() ->
    register(on_load, self()),
    receive go -> ok end.
-endif.
-ifdef(ON_LOAD_CHAIN).
on_load() ->
    ?NEXT:data(),
    ok.

data() -> [?V | ?NEXT:data()].
-else.
data() -> [?V].
-endif.
