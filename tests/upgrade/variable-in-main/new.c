/* SPDX-License-Identifier: MIT */
int elsewhere(void);
static struct {
	long since;
	int jobs;
} state;
static int next(void)
{
	return state.jobs++;
}
int main(void)
{
	while (elsewhere())
		next();
	return next();
}
