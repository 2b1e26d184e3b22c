/* The one program. Everything it does is behind app_main(), so that tests can link all but this file. */
#include "app/app.h"

int main(int argc, char **argv)
{
	return app_main(argc, argv);
}
