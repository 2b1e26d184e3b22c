# A person and an app for scripts, sourced after tests/app/lib.sh: curl is the browser. $root is the server, $fhir its FHIR base.
# The app is $client with the redirect URI $redirect; $basic is "ID:SECRET" of a confidential one, empty for public ones.
command -v curl >/dev/null || { echo "skipped: curl is not here"; exit 77; }
redirect=http://127.0.0.1:9/app # nobody is there: the flow ends where the browser would go there
verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk # of RFC 7636 appendix B, as is the challenge
challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM
client= basic= user=anna password='correct horse 7'
# argon2id of the password, with the cost that Firth hashes with
hash='$argon2id$v=19$m=65536,t=3,p=1$S1lOhe526pVd1o+PIOPxXg$MCYne5aEJxEY7/DUsoNXWxnWAR2IZgyRI7iOlwL9Y8M'

enc() { # percent-encodes what this file and its users need
	printf %s "$1" | sed 's/%/%25/g; s/ /%20/g; s/:/%3A/g; s|/|%2F|g; s/?/%3F/g; s/=/%3D/g; s/&/%26/g; s/|/%7C/g; s/#/%23/g; s/+/%2B/g'
}

request() { # request SCOPE [NAME=VALUE...]: the query of an authorization request; an empty VALUE leaves a parameter out
	scope=$(enc "$1")
	shift
	r_aud=$(enc "$fhir") r_challenge=$challenge r_method=S256 r_more= r_redirect=$(enc "$redirect") r_type=code
	for pair in "$@"; do
		value=$(enc "${pair#*=}")
		case $pair in
		aud=*) r_aud=$value ;;
		code_challenge=*) r_challenge=$value ;;
		code_challenge_method=*) r_method=$value ;;
		redirect_uri=*) r_redirect=$value ;;
		response_type=*) r_type=$value ;;
		*) r_more="$r_more&${pair%%=*}=$value" ;;
		esac
	done
	query="response_type=$r_type&client_id=$client&redirect_uri=$r_redirect&scope=$scope&state=st-0123456789abcdef&nonce=no-0123456789"
	[ -z "$r_aud" ] || query="$query&aud=$r_aud"
	[ -z "$r_challenge" ] || query="$query&code_challenge=$r_challenge"
	[ -z "$r_method" ] || query="$query&code_challenge_method=$r_method"
	query=$query$r_more
}

# One step of the browser: page in out, status in $code, where it leads in $to (empty: nowhere).
browse() {
	code_and_to=$(curl -s -b "$scratch/jar" -c "$scratch/jar" -o "$scratch/out" -w '%{http_code} %{redirect_url}' "$@")
	code=${code_and_to%% *} to=${code_and_to#* }
}

# From the authorization endpoint to where the app gets its answer, in $back. $patient is chosen when the pages ask, and
# the scopes in $untick are unticked. Fails when the person is left on a page, which is in out.
agree() { # agree SCOPE [NAME=VALUE...]
	request "$@"
	rm -f "$scratch/jar"
	if [ -n "${by_post:-}" ]; then browse -d "$query" "$root/auth/authorize"; else browse "$root/auth/authorize?$query"; fi
	back=
	while :; do
		case $to in
		"$redirect"*) back=$to; return 0 ;;
		"$root"/auth/*) ;;
		*) return 1 ;;
		esac
		id=$(printf %s "$to" | sed -n 's/.*[?&]request=\([^&]*\).*/\1/p')
		page=$to
		browse "$page"
		case $page in
		*/auth/login\?*) browse -d "request=$id" --data-urlencode "user=$user" --data-urlencode "password=$password" "$root/auth/login" ;;
		*/auth/pick\?*) browse -d "request=$id&patient=${patient:-ada}" "$root/auth/pick" ;;
		*/auth/consent\?*)
			set -- -d "request=$id&answer=${answer:-allow}"
			for s in $(sed -n 's/.*name="scope" checked value="\([^"]*\)".*/\1/p' "$scratch/out"); do
				case " ${untick:-} " in *" $s "*) ;; *) set -- "$@" --data-urlencode "scope=$(printf %s "$s" | sed 's/&amp;/\&/g')" ;; esac
			done
			browse "$@" "$root/auth/consent"
			;;
		*) return 1 ;;
		esac
	done
}

part() { # part NAME: a parameter of $back
	printf %s "$back" | sed -n "s/.*[?&]$1=\([^&]*\).*/\1/p"
}

post() { # post PATH [CURL ARGUMENTS...]: answer in out, headers in head, status in $code
	path=$1
	shift
	code=$(curl -s -o "$scratch/out" -D "$scratch/head" -w '%{http_code}' ${basic:+-u "$basic"} "$@" "$root$path")
}

redeem() { # redeem [VERIFIER]: the code of $back for tokens
	post /auth/token -d "grant_type=authorization_code&code=$(part code)&redirect_uri=$(enc "$redirect")&code_verifier=${1-$verifier}" \
		$([ -n "$basic" ] || echo "-d client_id=$client")
}

text() { # text NAME: a text member of the JSON in out
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$scratch/out" | head -n 1
}

api() { # api PATH [CURL ARGUMENTS...]: a read with $token; answer in out, status in $code
	path=$1
	shift
	code=$(curl -s -o "$scratch/out" -D "$scratch/head" -w '%{http_code}' ${token:+-H "Authorization: Bearer $token"} "$@" "$fhir/$path")
}

answers() { # answers NAME STATUS: of the last request
	if [ "$code" = "$2" ]; then ok "$1"; else bad "$1: expected $2"; fi
}
