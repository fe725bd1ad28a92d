/* SPDX-License-Identifier: MIT
 *
 * What a program may say to hotwatch in its source. Nothing here is needed to
 * be reloaded, and without hotwatch nothing here costs anything.
 *
 * HOT(fn) is a qualified call, Erlang's ?MODULE:fn(): it reaches the current
 * version of fn, also inside fn's own file, where plain fn() stays in the
 * version that makes the call. Use it where a loop should move on:
 *
 *	static int loop(long sum)
 *	{
 *		...
 *		return HOT(loop)(sum);
 *	}
 *
 * fn is the name of any function in sight, static or not; HOT(fn) is a
 * function pointer, so it can be passed on as well. It is an expression for
 * function bodies, not for static initializers (there a plain fn is qualified
 * already: a function's address always means its current version).
 *
 * How: HOT(fn) names another symbol, hw.hot.fn, that the hot link binds to the
 * permanent entry point of fn. It must be another symbol: given fn's own name
 * clang proves that `return HOT(loop)(x)` calls itself and makes it a loop
 * inside the old version. The symbol is weak, and while nothing has bound it
 * fn itself is meant: so an object made by hotwatch cc stays an ordinary
 * object, that may go into a shared library or a program linked by hand. The
 * empty asm keeps clang from looking through fn there, which would inline it
 * and drop its body, and then the hot link had nothing to bind to.
 *
 * Rejected: a table of "used" pointers to keep fn (it is data of the module,
 * and changes its layout with every HOT added); __attribute__((used)) on a
 * redeclaration (ignored, with a warning, once the body has begun); an alias
 * made by asm (two files may each have a static fn, and an alias strong
 * enough to be named by a relocation would be shared by them).
 */
#ifndef HOTWATCH_HOT_H
#define HOTWATCH_HOT_H

#if defined(__HOTWATCH__) && !defined(__cplusplus)

#define HOT(fn)                                                          \
	(__extension__({                                                 \
		extern __typeof__(fn) hw_hot_##fn __asm__("hw.hot." #fn) \
		    __attribute__((weak));                               \
		__typeof__(fn) *hw_fn = hw_hot_##fn;                     \
		if (__builtin_expect(!hw_fn, 0)) {                       \
			hw_fn = fn;                                      \
			__asm__("" : "+r"(hw_fn));                       \
		}                                                        \
		hw_fn;                                                   \
	}))

/*
 * HOT_VSN("2.1"); once, outside functions: the author's own name for this
 * version of the file, kept in the object where it is not loaded into memory
 * (readelf -p .hw.vsn FILE). It changes no code, so on its own it is no reason
 * to load a version.
 */
#define HOT_VSN(text)                                                  \
	__asm__(".pushsection .hw.vsn,\"\",@progbits\n\t.asciz " #text \
		"\n\t.popsection")

/*
 * HOT_ON_LOAD(fn); once, outside functions, where `int fn(void)` is known: run
 * whenever a version of this file is loaded, before it becomes current, in a
 * process of its own. Anything but 0, or its end in another way, and the load
 * is refused (on_load_failure) and the version before stays. Meanwhile callers
 * see the version before; if there is none they wait. fn is the new version's,
 * and so are its local calls; calls of this module that are qualified reach the
 * version before, or are undef if there is none: it cannot wait for itself.
 *
 * It is not run at the program's start: that is what main and constructors are
 * for, and a plain build has nothing else.
 *
 * How: a pointer, kept by its attribute, that nothing reads but the code
 * server, which asks the dynamic relocation that fills it for fn's name.
 */
#define HOT_ON_LOAD(fn)                                            \
	static int (*const hw_on_load)(void) __asm__("hw.on_load") \
	    __attribute__((used)) = fn

/*
 * HOT_CODE_CHANGE(fn); once, outside functions, where
 * `int fn(const struct hw_change *)` is known (hotwatch/code.h): run when this
 * version is to replace another, and when it is to be left for an older one
 * (change->down). Variables whose layout changed have been converted as far as
 * their types tell, those of which nothing is known have their initializers,
 * and fn does the rest. Nobody else is in the module meanwhile, and callers
 * wait. Anything but 0, or its end in another way, or 5 s without an end, and
 * all variables of the module are what they were, the version before stays,
 * and the load is refused (code_change_failed). Memory that was allocated is
 * not put back: change that last.
 *
 * A version that has it is not refused because objects on the heap may have a
 * type that changed: it takes care.
 */
#define HOT_CODE_CHANGE(fn)                                                   \
	static int (*const hw_code_change)(const struct hw_change *) __asm__( \
	    "hw.code_change") __attribute__((used)) = fn

#else

#define HOT(fn) fn
#define HOT_VSN(text) struct hw_vsn
#define HOT_ON_LOAD(fn) \
	static int (*const hw_on_load)(void) __attribute__((unused)) = fn
#define HOT_CODE_CHANGE(fn)                                          \
	static int (*const hw_code_change)(const struct hw_change *) \
	    __attribute__((unused)) = fn

#endif

#endif
