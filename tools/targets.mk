# Targets of this repository only: the template, its tests, and what they need beside the project's own environment.
TOOLS := $(UV) run --project tools --locked

PYTEST = pytest -n auto --cov=stages --cov-branch --cov-report=term:skip-covered --cov-fail-under=95

.PHONY: sync test-template lint-template browser
test: test-template
lint: lint-template

sync: env  # after an edit: copy the root's files into the template, render the template's answers to the root
	$(RUN) python tools/update_readme.py
	$(RUN) python tools/sync_template.py

browser:  # the pages are tested in Debian's Chromium
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	{ echo "the pages are tested in Chromium, which is not installed: sudo apt-get install chromium"; exit 1; }

test-template: env browser
	$(RUN) python tools/sync_template.py --check
	$(RUN) python -m pytest template_tests/test_proposals.py template_tests/test_lifecycle.py
	$(TOOLS) python -m pytest -q -n 2 --dist loadfile --durations=8 template_tests --ignore template_tests/test_proposals.py --ignore template_tests/test_lifecycle.py

lint-template: env
	$(RUN) mypy --explicit-package-bases tools/sync_template.py
