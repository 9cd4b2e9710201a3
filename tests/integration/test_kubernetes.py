"""The objects of deploy/kubernetes: Kubernetes and KEDA accept them, and they run what the Procfile runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from honcho.environ import parse_procfile
from jsonschema import Draft202012Validator

from config.environment import ROOT
from config.files import paths
from config.settings import Settings, variable
from harkara.limits.limiter import HORIZON
from workers.web import STOP_SECONDS

FOLDER = ROOT / "deploy" / "kubernetes"
PROCESSES: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
SETTINGS = {variable(name) for name in Settings.model_fields}

Object = dict[str, Any]

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
POLICY = {
    "type": "object",
    "required": ["type", "value", "periodSeconds"],
    "additionalProperties": False,
    "properties": {"type": {"enum": ["Pods", "Percent"]}, "value": {"minimum": 1}, "periodSeconds": {"maximum": 1800}},
}
DIRECTION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "policies": {"type": "array", "items": POLICY},
        "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
    },
}
SCALED_OBJECT: Object = {
    "type": "object",
    "required": ["scaleTargetRef", "triggers"],
    "additionalProperties": False,
    "properties": {
        "scaleTargetRef": {"type": "object", "required": ["name"], "properties": {"name": {"minLength": 1}}},
        "minReplicaCount": {"type": "integer", "minimum": 0},
        "maxReplicaCount": {"type": "integer", "minimum": 1},
        "pollingInterval": {"type": "integer", "minimum": 1},
        "fallback": {
            "type": "object",
            "required": ["failureThreshold", "replicas"],
            "additionalProperties": False,
            "properties": {
                "failureThreshold": {"type": "integer", "minimum": 0},
                "replicas": {"type": "integer", "minimum": 0},
                "behavior": {
                    "enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]
                },
            },
        },
        "advanced": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "horizontalPodAutoscalerConfig": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "behavior": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"scaleUp": DIRECTION, "scaleDown": DIRECTION},
                        }
                    },
                }
            },
        },
        "triggers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "metadata"],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "prometheus"},
                    "metricType": {"enum": ["AverageValue", "Value"]},
                    "metadata": TEXTS | {"required": ["serverAddress", "query", "threshold"]},
                },
            },
        },
    },
}
"""What of KEDA's resource `ScaledObject` is used (kedacore/keda, config/crd/bases/keda.sh_scaledobjects.yaml)."""


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    """The objects of the overlay with all components, as `kubectl apply` sends them."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine")
    command = ["kubectl", "kustomize", str(FOLDER / "overlays" / "example")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def written() -> list[tuple[Path, Object]]:
    """Every object as it is written, without kubectl."""
    files = [file for file in sorted(FOLDER.rglob("*.yaml")) if file.name != "kustomization.yaml"]
    return [(file, each) for file in files for each in yaml.safe_load_all(file.read_text())]


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pods of the processes by name."""
    kinds = ("Deployment", "Job")
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in objects if each["kind"] in kinds}


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


WRITTEN = [each for _, each in written()]
CONTAINERS = {
    (name, each["name"]): each
    for name, pod in pods(WRITTEN).items()
    for each in (*pod.get("initContainers", ()), *pod["containers"])
}


# Schemas


@pytest.mark.parametrize(("file", "found"), written(), ids=lambda each: getattr(each, "stem", ""))
def test_kubernetes_accepts_each_object_by_its_strict_schema(file: Path, found: Object) -> None:
    if found["kind"] == "ScaledObject":
        assert list(Draft202012Validator(SCALED_OBJECT).iter_errors(found["spec"])) == []
    else:
        kubernetes_validate.validate(found, "1.37", strict=True)


def test_the_schemas_refuse_a_field_that_does_not_exist() -> None:
    worker = of_kind(WRITTEN, "Deployment")["worker"]
    wrong = worker | {"spec": worker["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)
    scaled = of_kind(WRITTEN, "ScaledObject")["worker"]["spec"] | {"maxReplicas": 4}
    assert len(list(Draft202012Validator(SCALED_OBJECT).iter_errors(scaled))) == 1


def test_kubectl_renders_valid_objects_whose_references_exist(objects: list[Object]) -> None:
    for each in objects:
        if each["kind"] != "ScaledObject":
            kubernetes_validate.validate(each, "1.37", strict=True)
    maps = of_kind(objects, "ConfigMap")
    used = set(re.findall(r"harkara-(?:config|settings)-\w+", yaml.safe_dump(list(pods(objects).values()))))
    assert used == set(maps), "the name has a digest, so a changed file restarts the processes"
    assert {each["metadata"].get("namespace") for each in objects if each["kind"] != "Namespace"} == {"harkara"}
    images = {each["image"] for pod in pods(objects).values() for each in pod["containers"]}
    assert images == {"registry.example.com/harkara:0.1.0"}


def test_every_selector_finds_the_pods_of_its_object(objects: list[Object]) -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind_deployments(objects)
    }
    selectors = {name: each["spec"]["selector"] for name, each in of_kind(objects, "Service").items()}
    for budget in of_kind(objects, "PodDisruptionBudget").values():
        selectors[budget["metadata"]["name"]] = budget["spec"]["selector"]["matchLabels"]
    assert selectors.keys() == {"web", "worker"}
    for name, selector in selectors.items():
        assert [pod for pod, found in labels.items() if selector.items() <= found.items()] == [name]
    for each in of_kind_deployments(objects):
        name = each["metadata"]["name"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels[name].items()


def of_kind_deployments(objects: list[Object]) -> list[Object]:
    return list(of_kind(objects, "Deployment").values())


# What runs


def test_the_pods_run_the_lines_of_the_procfile_and_the_migration() -> None:
    own = {name: " ".join(each["command"]) for (name, container), each in CONTAINERS.items() if name == container}
    assert own == {name: line.split(" --")[0] for name, line in PROCESSES.items()} | {
        "migrate": "python -m workers.migrate"
    }


def test_the_variables_are_settings_and_those_with_secrets_come_from_the_secret() -> None:
    for each in CONTAINERS.values():
        for entry in each.get("env", ()):
            assert entry["name"] in SETTINGS or entry["name"].startswith("FLOWER_"), entry["name"]
            is_secret = entry["name"] in ("HARKARA_DATABASE_URL", "HARKARA_REDIS_URL", "FLOWER_BASIC_AUTH")
            reference = {"secretKeyRef": {"name": "harkara", "key": entry["name"]}}
            assert entry.get("valueFrom") == (reference if is_secret else None)
    names = re.findall(r"^(\w+)=", (FOLDER / "base" / "settings.env").read_text(), re.MULTILINE)
    assert set(names) <= SETTINGS
    assert "Secret" not in {each["kind"] for each in WRITTEN}


def test_web_and_worker_have_all_settings_and_beat_only_those_of_redis() -> None:
    for name in ("web", "worker"):
        sources = [next(iter(each.values()))["name"] for each in CONTAINERS[name, name]["envFrom"]]
        assert sources == ["harkara-settings", "harkara"]
    assert "envFrom" not in CONTAINERS["beat", "beat"]


def test_ports_and_probes_are_those_of_the_processes() -> None:
    web, worker = CONTAINERS["web", "web"], CONTAINERS["worker", "worker"]
    for each, setting in ((web, "PORT"), (worker, "HARKARA_METRICS_PORT")):
        (port,) = each["ports"]
        assert {"name": setting, "value": str(port["containerPort"])} in each["env"]
        for probe in ("startupProbe", "livenessProbe"):
            assert each[probe]["httpGet"]["port"] == port["name"]
    assert {web[each]["httpGet"]["path"] for each in ("startupProbe", "livenessProbe", "readinessProbe")} == {"/livez"}
    assert worker["livenessProbe"]["httpGet"]["path"] == "/metrics?name[]=python_info", "needs no other service"


def test_the_files_of_config_are_mounted_where_the_settings_look(objects: list[Object]) -> None:
    (files,) = (each for name, each in of_kind(objects, "ConfigMap").items() if name.startswith("harkara-config-"))
    settings = Settings(_env_file=None)
    wanted = {path.name: path for path in paths(settings) if path.is_file() and path.suffix == ".toml"}
    assert {name: text for name, text in files["data"].items() if name in wanted} == {
        name: path.read_text("utf-8") for name, path in wanted.items()
    }
    for name in ("web", "worker"):
        (mount,) = (each for each in CONTAINERS[name, name]["volumeMounts"] if each["name"] == "config")
        assert f"HARKARA_CONFIG={mount['mountPath']}\n" in (FOLDER / "base" / "settings.env").read_text()


def test_a_stopped_process_has_time_to_end() -> None:
    grace = {name: pod.get("terminationGracePeriodSeconds", 30) for name, pod in pods(WRITTEN).items()}
    until_recorded = timedelta(seconds=10)
    longest = timedelta(seconds=HORIZON) + Settings(_env_file=None).post_timeout + until_recorded
    assert timedelta(seconds=grace["worker"]) > longest
    pause = CONTAINERS["web", "web"]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace["web"] > pause + STOP_SECONDS


def test_web_and_worker_wait_for_the_migration_and_beat_is_never_started_twice() -> None:
    waiting = [name for name, container in CONTAINERS if container == "wait-for-migrate"]
    assert waiting == ["web", "worker"]
    command = CONTAINERS["web", "wait-for-migrate"]["command"]
    assert command == ["python", "-m", "workers.migrate", "--check", "--wait"]
    beat = of_kind(WRITTEN, "Deployment")["beat"]["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})
    failures = of_kind(WRITTEN, "Job")["migrate"]["spec"]["podFailurePolicy"]["rules"]
    assert failures[0]["onExitCodes"]["values"] == [78]


# Isolation


@pytest.mark.parametrize("name", CONTAINERS, ids="-".join)
def test_each_container_has_no_privileges_and_a_read_only_root_file_system(name: tuple[str, str]) -> None:
    context = CONTAINERS[name]["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert CONTAINERS[name]["resources"]["limits"].keys() == {"memory"}, "a limit of CPU makes slots late"


def test_each_pod_runs_as_the_user_of_the_image_without_a_token_of_the_cluster() -> None:
    (user,) = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for pod in pods(WRITTEN).values():
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, int(user))
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)


def test_only_workers_reach_the_internet_and_nothing_connects_to_them_but_prometheus(objects: list[Object]) -> None:
    policies = of_kind(objects, "NetworkPolicy")
    assert policies["default"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["default"]["spec"]
    outward = {
        port["port"]: sorted(_selected(each["spec"]["podSelector"]))
        for each in policies.values()
        for rule in each["spec"].get("egress", ())
        for port in rule["ports"]
        if port["port"] != 53
    }
    assert outward == {
        443: ["worker"],
        5432: ["migrate", "web", "worker"],
        6379: ["beat", "flower", "web", "worker"],
    }
    inward = {name for name, each in policies.items() if "ingress" in each["spec"]}
    assert inward == {"from-ingress", "from-prometheus"}


def _selected(selector: Object) -> list[str]:
    component = "app.kubernetes.io/component"
    if component in selector.get("matchLabels", {}):
        return [selector["matchLabels"][component]]
    return [each for rule in selector["matchExpressions"] for each in rule["values"]]


# Scaling


def test_workers_scale_by_the_age_of_the_oldest_due_message_within_a_bound(objects: list[Object]) -> None:
    scaled = of_kind(objects, "ScaledObject")["worker"]["spec"]
    (trigger,) = scaled["triggers"]
    listed = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    metrics = re.findall(r"harkara_\w+", trigger["metadata"]["query"])
    assert metrics == ["harkara_oldest_due_seconds", "harkara_allowance_used"]
    for metric in metrics:
        assert re.search(rf"^\| `{metric}` \| `lane`", listed, re.MULTILINE), metric
    settings = Settings(_env_file=None)
    killed = settings.lease.total_seconds() + 5
    assert float(trigger["metadata"]["threshold"]) >= 2 * killed, "messages of a killed worker start no other"
    assert scaled["minReplicaCount"] == of_kind(WRITTEN, "Deployment")["worker"]["spec"]["replicas"] >= 1
    assert scaled["maxReplicaCount"] == 4
    assert "replicas" not in of_kind(objects, "Deployment")["worker"]["spec"], "an apply would undo KEDA's decision"


def test_promtool_accepts_the_query(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool on this machine")
    (trigger,) = of_kind(WRITTEN, "ScaledObject")["worker"]["spec"]["triggers"]
    rule = {"record": "harkara:workers", "expr": trigger["metadata"]["query"]}
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "scaling", "rules": [rule]}]}))
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
