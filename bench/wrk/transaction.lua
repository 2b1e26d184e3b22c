-- Posts transactions of so many creates of the resource in the file: transaction.lua COUNT FILE.
function init(args)
	local file = io.open(args[2])
	local resource = file:read("*a")
	file:close()
	local kind = resource:match('"resourceType"%s*:%s*"(%a+)"')
	local entries = {}
	for i = 1, tonumber(args[1]) do
		entries[i] = '{"resource":' .. resource .. ',"request":{"method":"POST","url":"' .. kind .. '"}}'
	end
	wrk.method = "POST"
	wrk.path = "/fhir"
	wrk.body = '{"resourceType":"Bundle","type":"transaction","entry":[' .. table.concat(entries, ",") .. "]}"
	wrk.headers["Content-Type"] = "application/fhir+json"
end
