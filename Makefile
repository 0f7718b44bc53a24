# Everything runs in .venv, made from uv.lock. Needs Python 3.11 or newer with pip, git and make.
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV
PYTHON ?= python3
UV := $(or $(shell command -v uv),.uv/bin/uv)
RUN := $(UV) run --no-sync
PYTEST = pytest -n auto
# what a user names reaches a command as it is, through the environment: make expands none of it, and the shell neither parses nor splits it
GIVEN := ACCEPT BATCH COLUMN FILE FILES LABELS OUT REV SAMPLE SUITE VERSION WHY WINDOW
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)

.PHONY: demo scope confirm repro verify compare compare-remedies age monitor score retrain promote rollback history test lint env git

demo: env  # run what changed, then show the result, also that of a run that a gate stopped
	@$(RUN) python -m stages.check
	@status=0; $(RUN) dvc repro || status=$$?; echo; $(RUN) python -m stages.summary || exit $$((status ? status : 1)); exit $$status

scope: env  # before any training: what the data hold, what they can prove, what a model will cost; proposes the suites
	$(RUN) python -m stages.scope

confirm: env  # the proposed bounds of the suite SUITE, of COLUMN alone if it is given, beside the data's own figures; marks them confirmed
	@$(RUN) python -m stages.confirm $${COLUMN:+--column="$$COLUMN"} -- $${SUITE:+"$$SUITE"}

repro: env
	@$(RUN) python -m stages.check
	@{ $(RUN) dvc repro && $(RUN) python -m stages.summary >/dev/null 2>&1; } || { status=$$?; echo; $(RUN) python -m stages.summary; exit $$status; }

verify: env  # run everything again in a scratch copy of what git has, and compare the hashes
	$(RUN) python -m stages.verify

compare: env  # what differs from the commit REV, by default the one at which this branch left main; fails where a class is found less often
	@$(RUN) python -m stages.compare -- $${REV:+"$$REV"}

compare-remedies: env  # what each remedy for a rare class would gain, by cross-validation, and the lines of params.yaml that set it
	$(RUN) python -m stages.compare_remedies

age: env  # how long a model lasts: fits on the past, scores the future
	$(RUN) python -m stages.age

monitor: env  # hold the batch BATCH of live rows, without it the last of data/live by name, with the labels in LABELS if they came apart, against what the model was judged by
	$(RUN) python -m stages.monitor $${LABELS:+--labels="$$LABELS"} $${WINDOW:+--window="$$WINDOW"} $${SAMPLE:+--sample="$$SAMPLE"} -- $${BATCH:+"$$BATCH"}

score: env  # decide each row of FILE with the model in service; OUT is the file to write, by default in scored/
	$(RUN) python -m stages.score $${OUT:+--out="$$OUT"} -- $${FILE:+"$$FILE"}

retrain: env  # a challenger from the newest labelled rows, the live files FILES, one a line (labels of their own in LABELS, likewise), held against the model in service
	$(RUN) python -m stages.retrain $${LABELS:+--labels="$$LABELS"} -- $${FILES:+"$$FILES"}

promote: env  # put the last run's model, or the registered one VERSION, into service; WHY says why; ACCEPT is a class meant to be found less often
	@$(RUN) python -m stages.promote --why="$$WHY" $${ACCEPT:+--accept="$$ACCEPT"} -- $${VERSION:+"$$VERSION"}

rollback: env  # put the model before, or VERSION, back into service; WHY says what was wrong
	@$(RUN) python -m stages.rollback --why="$$WHY" -- $${VERSION:+"$$VERSION"}

history: env  # who registered, promoted and retired which model, when and why
	@$(RUN) python -m stages.history

test: env
	$(RUN) $(PYTEST)

lint: env
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

env: git .venv/.made

git:
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "DVC needs a git repository: run 'git init' here first"; exit 1; }

.venv/.made: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --locked --quiet
	@touch $@

uv.lock:
	@echo "uv.lock is missing: bring it back with 'git checkout uv.lock'"; exit 1

.uv/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .uv uv==0.13.9

-include tools/*.mk  # more targets
