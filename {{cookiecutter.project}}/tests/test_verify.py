import subprocess

from stages.verify import copy_tracked, outputs


def test_copy_has_what_git_tracks_and_all_raw_data(tmp_path):
    source = tmp_path / "project"
    for name in ("params.yaml", "notes.txt", "dvc.lock", "data/raw/.gitignore", "data/raw/large.csv", "models/model.json"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("/large.csv\n")
    subprocess.run(["git", "init", "--quiet"], cwd=source, check=True)
    subprocess.run(["git", "add", "params.yaml", "dvc.lock", "data"], cwd=source, check=True)
    (tmp_path / "copy" / ".dvc").mkdir(parents=True)
    copy_tracked(source, tmp_path / "copy")
    copied = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {"params.yaml", "data/raw/.gitignore", "data/raw/large.csv", ".dvc/config.local"}


def test_what_tells_of_all_runs_is_not_compared(tmp_path):
    lines = [f"    - {{path: {name}, md5: x}}" for name in ("reports/test_set.csv", "reports/gates/test_set.json", "reports/slices.csv")]
    (tmp_path / "dvc.lock").write_text("\n".join(["stages:", "  evaluate:", "    outs:", *lines]) + "\n")
    assert outputs(tmp_path / "dvc.lock") == {"reports/slices.csv": "x"}
