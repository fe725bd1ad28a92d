/* SPDX-License-Identifier: MIT */
struct cat {
	int lives;
};
struct dog {
	int lives;
};
int lives(struct dog *c)
{
	return c->lives - 1;
}
