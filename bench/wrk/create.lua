-- Creates the resource in the file named after -- again and again; the server gives each an id.
function init(args)
	local file = io.open(args[2])
	wrk.method = "POST"
	wrk.path = args[1]
	wrk.body = file:read("*a")
	wrk.headers["Content-Type"] = "application/fhir+json"
	file:close()
end
