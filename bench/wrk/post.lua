-- Posts the JSON in the file named after -- again and again.
function init(args)
	local file = io.open(args[2])
	wrk.method = "POST"
	wrk.path = args[1]
	wrk.body = file:read("*a")
	wrk.headers["Content-Type"] = "application/json"
	file:close()
end
