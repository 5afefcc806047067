#!/usr/bin/env bash
# One comment on the pull request $NUMBER of $GH_REPO with the summary of a report, written anew where there is one already.
set -euo pipefail

summary=$1
# The summary's first line is hidden and names the study: by it the comment of an earlier build is found, and no other tool's.
marker=$(head -n 1 "$summary")
case "$marker" in
    '<!-- tinyexp:'*' -->') ;;
    *)
        echo "$summary: is no summary of tinyexp: its first line names no study. Name the summary.md of a report." >&2
        exit 2
        ;;
esac
quoted=$(jq --null-input --arg marker "$marker" '$marker')
found=$(gh api --paginate "repos/$GH_REPO/issues/$NUMBER/comments" --jq ".[] | select(.body | startswith($quoted)) | .id" | tail -n 1)
if [[ -n $found ]]; then
    gh api --method PATCH "repos/$GH_REPO/issues/comments/$found" -F "body=@$summary" >/dev/null
else
    gh api --method POST "repos/$GH_REPO/issues/$NUMBER/comments" -F "body=@$summary" >/dev/null
fi
