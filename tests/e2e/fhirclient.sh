# The SMART JavaScript client in $modules/$client.js, fetched once. Sourced after lib.sh.
# The client's file for browsers alone: its package depends on hundreds that only other platforms need.
client=fhirclient-2.6.3
sum=0a2ad98b173059e95b9085f1a7194d431e7e65d262ae5e85d6ce32e32bc0d57ee11c092bf67f7d6951da322d305fef7b9c04e3290eb95fa341e5ab3fc19a09ce
if [ ! -f "$modules/$client.js" ]; then
	(cd "$modules" && npm pack --loglevel=error fhirclient@2.6.3 >/dev/null 2>&1 && echo "$sum  $client.tgz" | sha512sum -c --quiet - &&
		tar -xzOf $client.tgz package/build/fhir-client.js >$client.new && mv $client.new $client.js) || {
		echo "skipped: npm could not fetch fhirclient"
		exit 77
	}
fi
