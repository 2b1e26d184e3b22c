# An EHR for scripts, sourced after lib.sh with the path of the test's authority as second argument: a small authorization server
# that agrees at once, named "main" in firth.yaml of the scratch directory, where the script goes on. curl is the browser.
command -v curl >/dev/null || { echo "skipped: curl is not here"; exit 77; }
ehr=
start_ehr() { # start_ehr SECONDS-OF-ITS-TOKENS AUTHORITY: $ehr is its base
	authority=$(realpath "$2")
	cd "$scratch" || exit 1
	"$authority" "$scratch/port" "$1" >authority.log 2>&1 &
	children="$children $!"
	for _ in $(seq 600); do [ -s "$scratch/port" ] && break; sleep 0.05; done
	ehr=http://127.0.0.1:$(cat "$scratch/port")
	cat >firth.yaml <<END
ehrs:
  - name: main
    vendor: generic
    base_url: $ehr/fhir
    login_client_id: app-1
END
}
