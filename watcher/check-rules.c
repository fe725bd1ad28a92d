/* SPDX-License-Identifier: MIT
 *
 * The rules. Every printer, the documentation's check and the suppressions
 * read this table; an id, once published, is never given another meaning.
 *
 * Errors are what an upgrade of a running program would break, and what the
 * watcher refuses to load. Warnings are what it survives with a loss: state
 * that is forgotten, code that is not reached. What goes by itself is told.
 */
#include "watcher/check.h"

#include <string.h>

#include "watcher/util.h"

const struct check_rule check_rules[RULE_COUNT] = {
    [RULE_FUNCTION_REMOVED] =
	{"function-removed", CHECK_ERROR, false,
	 "a function that others call is gone",
	 "keep it, perhaps as a wrapper, until no module calls it"},
    [RULE_FUNCTION_STATIC] = {"function-became-static", CHECK_ERROR, false,
			      "a function that others call became static",
			      "leave it global until no module calls it"},
    [RULE_FUNCTION_PARAMETERS] =
	{"function-parameters", CHECK_ERROR, false,
	 "the number of a function's parameters changed",
	 "give the new function another name, and keep the old one until "
	 "nothing calls it"},
    [RULE_PARAMETER_TYPE] =
	{"parameter-type", CHECK_ERROR, false,
	 "the type of a function's parameter changed",
	 "give the new function another name, and keep the old one until "
	 "nothing calls it"},
    [RULE_RESULT_TYPE] = {"result-type", CHECK_ERROR, false,
			  "the type of a function's result changed",
			  "give the new function another name, and keep the "
			  "old one until nothing calls it"},
    [RULE_FUNCTION_VARIADIC] =
	{"function-variadic", CHECK_ERROR, false,
	 "a function became variadic, or is no longer",
	 "give the new function another name, and keep the old one until "
	 "nothing calls it"},
    [RULE_CALLBACK_REMOVED] =
	{"callback-removed", CHECK_WARNING, false,
	 "a function whose address was taken is gone",
	 "keep it until nothing has its address; until then callers reach "
	 "its last version"},
    [RULE_CALLBACK_SIGNATURE] =
	{"callback-signature", CHECK_ERROR, false,
	 "a function whose address was taken is called in another way",
	 "give the new function another name: whoever has the address calls "
	 "it in the old way"},
    [RULE_CALLER_NOT_REBUILT] =
	{"caller-not-rebuilt", CHECK_ERROR, false,
	 "a caller was not compiled again with the function's new type",
	 "declare the function in a header that both include, and build both"},
    [RULE_HEAP_TYPE] =
	{"heap-type", CHECK_ERROR, true,
	 "objects of a type that changed may be in memory",
	 "write a HOT_CODE_CHANGE that converts them, or restart"},
    [RULE_MEMBER_RENAMED] =
	{"member-renamed", CHECK_WARNING, false,
	 "a member has another name, or another meaning",
	 "objects in memory keep what was there; if it means something else "
	 "now, write a HOT_CODE_CHANGE"},
    [RULE_MEMBER_REMOVED] =
	{"member-removed", CHECK_WARNING, true,
	 "a member of a variable is gone, and with it its value",
	 "if the value is needed elsewhere, write a HOT_CODE_CHANGE that "
	 "takes it from the old variable"},
    [RULE_ENUM_RENUMBERED] =
	{"enum-renumbered", CHECK_WARNING, true,
	 "an enumerator has another number",
	 "append enumerators, or give each its number: what is in memory or "
	 "in old code has the old one"},
    [RULE_ENUM_EXTENDED] =
	{"enum-extended", CHECK_INFO, false, "an enum has new enumerators",
	 "nothing, if whoever meets the new number can cope: code that still "
	 "runs in an old version, and files that others read"},
    [RULE_VARIABLE_TYPE] =
	{"variable-type", CHECK_ERROR, true,
	 "a variable's value cannot become one of its new type",
	 "write a HOT_CODE_CHANGE, or give the new variable another name"},
    [RULE_VARIABLE_MIGRATES] =
	{"variable-migrates", CHECK_INFO, false,
	 "a variable is converted to its new type at the load",
	 "nothing: members are matched by their names"},
    [RULE_VARIABLE_NARROWED] =
	{"variable-narrowed", CHECK_WARNING, true,
	 "a variable's new type holds less than its old one",
	 "make sure that no live value is too large: the load is refused if "
	 "one does not fit"},
    [RULE_VARIABLE_IN_USE] =
	{"variable-in-use", CHECK_ERROR, false,
	 "a variable cannot be converted while a function that stays uses it",
	 "leave its type as it is and put what is new into another variable, "
	 "or "
	 "move what uses it into a function that returns"},
    [RULE_VARIABLE_SHARED] =
	{"variable-shared", CHECK_ERROR, false,
	 "a variable is converted, and modules that use it are not loaded with "
	 "it",
	 "include the file that defines the variable's type: they are loaded "
	 "with it then; or load them together: hotwatch load --force, with "
	 "the variable's module and all of these"},
    [RULE_POINTER_CALLBACK] =
	{"pointer-callback", CHECK_ERROR, true,
	 "a function pointer is called in another way",
	 "the function that it points to now has the old type: set it in a "
	 "HOT_CODE_CHANGE, or give the new variable another name"},
    [RULE_VARIABLE_REMOVED] =
	{"variable-removed", CHECK_WARNING, true,
	 "a variable is gone, and with it its value",
	 "if it was renamed or moved, write a HOT_CODE_CHANGE that takes the "
	 "value over"},
    [RULE_VARIABLE_LINKAGE] =
	{"variable-linkage", CHECK_INFO, false,
	 "a variable became static, or is no longer, or is in another file",
	 "nothing: it keeps its value"},
    [RULE_VARIABLE_CONST] =
	{"variable-const", CHECK_WARNING, false,
	 "a variable became a constant, or a constant a variable",
	 "nothing, if its initial value is meant: the live one is not seen "
	 "any more"},
    [RULE_THREAD_LOCAL] =
	{"thread-local", CHECK_ERROR, true,
	 "a variable became thread-local, or is no longer, and begins anew",
	 "give the new variable another name, and take the values over in a "
	 "HOT_CODE_CHANGE"},
    [RULE_VARIABLE_NOT_REBUILT] =
	{"variable-not-rebuilt", CHECK_ERROR, false,
	 "a module that uses the variable was not compiled again with its "
	 "new type",
	 "declare the variable in a header that both include, and build both"},
    [RULE_INITIALIZER] =
	{"initializer-changed", CHECK_INFO, false,
	 "a variable has another initial value",
	 "nothing: what the program has not changed gets it; what it has "
	 "stays, and is reported at the load"},
    [RULE_CONSTANT] =
	{"constant-changed", CHECK_INFO, false, "a constant has another value",
	 "nothing: new code sees the new one; pointers that were kept lead to "
	 "the old one"},
    [RULE_CONSTRUCTOR] =
	{"constructor-added", CHECK_WARNING, false,
	 "a constructor or destructor is not run in a running program",
	 "do what it does in HOT_ON_LOAD as well"},
    [RULE_ENDLESS_LOOP] =
	{"endless-loop", CHECK_WARNING, false,
	 "a function that never returns stays in its version",
	 "let the loop's body be a function, called as HOT(step)(), or end "
	 "with return HOT(loop)()"},
    [RULE_HEADER_NOT_REBUILT] =
	{"header-not-rebuilt", CHECK_ERROR, false,
	 "a module is older than a file that it includes",
	 "build it again: it may have another idea of a type, a macro or an "
	 "inline function"},
    [RULE_MODULE_ADDED] =
	{"module-added", CHECK_WARNING, false,
	 "a module is new: a running program does not have it",
	 "restart the program to have it"},
    [RULE_MODULE_REMOVED] = {"module-removed", CHECK_INFO, false,
			     "a module is gone: a running program keeps it",
			     "nothing, or delete it with `hotwatch delete`"},
    [RULE_REHEARSAL_COMMAND] =
	{"rehearsal-command", CHECK_ERROR, false,
	 "the command of a rehearsal failed",
	 "run it on the old build and on the new one, each alone; if both are "
	 "fine, it is the change between them"},
    [RULE_REHEARSAL_CRASH] =
	{"rehearsal-crash", CHECK_ERROR, false,
	 "the program ended in a rehearsal",
	 "look at the place: it may read state that the other build wrote"},
    [RULE_REHEARSAL_LOAD] =
	{"rehearsal-load", CHECK_ERROR, false,
	 "the program did not take the upgrade, or the downgrade",
	 "see the reason; what cannot be loaded needs a restart"},
    [RULE_REHEARSAL_HOLDER] =
	{"rehearsal-holder", CHECK_ERROR, false,
	 "something held old code past the deadline",
	 "let it come by a qualified call (HOT), or clear the pointer; a "
	 "larger --deadline if it only takes its time"},
    [RULE_REHEARSAL_STATE] =
	{"rehearsal-state", CHECK_ERROR, false,
	 "the state after a load is not what it was before",
	 "mend the code_change, up or down, or compare what may not differ"},
    [RULE_SUPPRESSION_UNUSED] = {"suppression-unused", CHECK_WARNING, false,
				 "a suppression suppresses nothing",
				 "remove it from hotwatch.json"},
    [RULE_SUPPRESSION_EXPIRED] =
	{"suppression-expired", CHECK_WARNING, false,
	 "a suppression is out of date, and has no effect",
	 "mend what it was for, or give it a new day"},
};

const struct check_rule *check_rule_named(const char *id)
{
	for (size_t i = 0; i < RULE_COUNT; i++)
		if (!strcmp(check_rules[i].id, id))
			return &check_rules[i];
	return NULL;
}

const char *check_severity_word(enum check_severity s)
{
	static const char *const words[] = {"info", "warning", "error"};

	return words[s];
}

char *check_rule_link(const struct check_rule *r)
{
	return xasprintf("docs/rules.md#%s", r->id);
}
