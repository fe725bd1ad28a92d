/* SPDX-License-Identifier: MIT
 *
 * See signals.h. The restorer is ours, because the C library's has no name; it
 * has the bytes by which every unwinder knows one (mov $15,%rax; syscall).
 */
#include "codeserver/signals.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESTORER 0x04000000ul

void hw_signal_return(void) __attribute__((visibility("hidden")));
__asm__(".pushsection .text.hw_signal_return,\"ax\",@progbits\n"
	"	.balign 16\n"
	"	nop\n"
	"	.hidden hw_signal_return\n"
	"	.type hw_signal_return,@function\n"
	"hw_signal_return:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	"	.size hw_signal_return, . - hw_signal_return\n"
	".popsection\n");

int kernel_sigaction(int sig, const struct kernel_action *set,
		     struct kernel_action *was)
{
	return (int)syscall(SYS_rt_sigaction, sig, set, was, sizeof(set->mask));
}

struct kernel_action kernel_action(void (*handler)(int, siginfo_t *, void *),
				   unsigned long flags, unsigned long mask)
{
	return (struct kernel_action){handler, flags | SA_SIGINFO | RESTORER,
				      hw_signal_return, mask};
}

int signal_take(const struct kernel_action *a)
{
	struct kernel_action was;

	for (int sig = SIGRTMAX; sig > SIGRTMIN; sig--) {
		if (kernel_sigaction(sig, NULL, &was) < 0 || was.handler)
			continue;
		return kernel_sigaction(sig, a, NULL) < 0 ? -errno : sig;
	}
	return -EAGAIN;
}
