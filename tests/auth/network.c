/*
 * A network of our own. What a caller at another address is told cannot be seen from 127.0.0.1, and a machine of a
 * build farm may have no other address: a name space for networks, which the kernel makes for anybody who may make one
 * for users, has a loopback device on which any address may be set.
 */
#include "refusals.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* We stay who we are: files we made must still be ours. */
static bool keep_ids(uid_t uid, gid_t gid)
{
	char user[64], group[64];
	snprintf(user, sizeof(user), "%u %u 1", (unsigned)uid, (unsigned)uid);
	snprintf(group, sizeof(group), "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_file("/proc/self/uid_map", user) && write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/gid_map", group);
}

static bool set_address(int fd, const char *device, const char *address)
{
	struct ifreq change = {0};
	struct sockaddr_in at = {.sin_family = AF_INET};
	snprintf(change.ifr_name, sizeof(change.ifr_name), "%s", device);
	inet_pton(AF_INET, address, &at.sin_addr);
	memcpy(&change.ifr_addr, &at, sizeof(at));
	if (ioctl(fd, SIOCSIFADDR, &change) != 0 || ioctl(fd, SIOCGIFFLAGS, &change) != 0)
		return false;
	change.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(fd, SIOCSIFFLAGS, &change) == 0;
}

bool network_address(char ret_text[INET_ADDRSTRLEN])
{
	struct ifaddrs *all = NULL;
	bool found = false;
	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		const struct sockaddr_in *in = (const void *)i->ifa_addr;
		if (!in || in->sin_family != AF_INET || (ntohl(in->sin_addr.s_addr) >> 24) == 127)
			continue;
		found = inet_ntop(AF_INET, &in->sin_addr, ret_text, INET_ADDRSTRLEN) != NULL;
	}
	freeifaddrs(all);
	return found;
}

void network_widen(void)
{
	char outer[INET_ADDRSTRLEN];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (network_address(outer))
		return;
	if (unshare(CLONE_NEWNET) != 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || !keep_ids(uid, gid)))
		return;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !set_address(fd, "lo", "127.0.0.1") || !set_address(fd, "lo:1", "192.0.2.1"))
		perror("a network of our own");
	if (fd >= 0)
		close(fd);
}
