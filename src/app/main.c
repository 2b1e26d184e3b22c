/* The one program: finds the subcommand and runs it. */
#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("firth " FIRTH_VERSION);
	return 0;
}
