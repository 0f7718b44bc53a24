# Targets of this repository only: the template, its tests, and what they need beside the project's own environment.
TOOLS := $(UV) run --project tools --locked
TEMPLATE := $(TOOLS) python -m pytest -q -n 2 --dist loadfile tests/template

PYTEST = pytest -n auto --dist loadfile --ignore tests/template
PYTEST += $(if $(COVERAGE),--cov=sluice --cov-branch --cov-append --cov-report=)  # .ci/run asks for it

.PHONY: sync test-template test-template-slow test-slow lint-template browser
test: test-template
test-all: test-template test-template-slow
lint: lint-template

sync: env  # after an edit: copy the root's files into the template, render the template's answers to the root
	$(RUN) python tools/update_readme.py
	$(RUN) python tools/sync_template.py

browser:  # the pages are tested in Debian's Chromium
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	{ echo "the pages are tested in Chromium, which is not installed: sudo apt-get install chromium"; exit 1; }

test-template: env
	$(RUN) python tools/sync_template.py --check
	$(TEMPLATE) -m "not slow"

test-template-slow: env browser
	$(TEMPLATE) -m slow

test-slow: test-template-slow
	$(RUN) $(PYTEST) -m slow

lint-template: env
	$(RUN) mypy --explicit-package-bases tools/sync_template.py
