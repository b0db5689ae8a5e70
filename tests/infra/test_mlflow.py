"""MLflow on Kubernetes and in the compose file: its logins, its database, its hosts."""

import configparser
import re
from typing import Any

import pytest

from .files import COMPOSE, INFRA, document, documents, manifests, text

BASE = INFRA / "mlflow/base"
OVERLAY = INFRA / "mlflow/overlays/seaweedfs"
DATABASE = (
    "postgresql+psycopg2://mlflow@postgres:5432/mlflow"  # the driver is named: SQLAlchemy 2.1 has another default
)
DEPLOYMENT, SERVICE = documents(BASE / "mlflow.yaml")
(CONTAINER,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
SERVICES = document(COMPOSE)["services"]


def option(arguments: list[str], name: str) -> str:
    (found,) = (argument.partition("=")[2] for argument in arguments if argument.startswith(f"{name}="))
    return found


@pytest.mark.parametrize("arguments", [CONTAINER["args"], SERVICES["mlflow"]["command"]], ids=["kubernetes", "compose"])
def test_it_asks_for_a_login(arguments: list[str]) -> None:
    assert arguments[:2] == ["mlflow", "server"]
    assert option(arguments, "--app-name") == "basic-auth"
    assert not [argument for argument in arguments if "://" in argument and "@" in argument]


def test_logins_are_kept_in_the_database_and_hold_no_password() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(text(BASE / "basic_auth.ini"))
    section = parser["mlflow"]
    assert section["database_uri"] == DATABASE
    assert "admin_password" not in section
    assert section["default_permission"] in ("READ", "NO_PERMISSIONS")
    environment = {variable["name"]: variable.get("value") for variable in CONTAINER["env"]}
    assert environment["MLFLOW_BACKEND_STORE_URI"] == DATABASE
    assert SERVICES["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"] == DATABASE
    (mount,) = CONTAINER["volumeMounts"]
    assert environment["MLFLOW_AUTH_CONFIG_PATH"] == f"{mount['mountPath']}/basic_auth.ini"
    assert {"PGPASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"} <= set(environment)


def test_it_answers_to_the_names_that_its_service_has_port_included() -> None:
    (port,) = SERVICE["spec"]["ports"]
    service, namespace = SERVICE["metadata"]["name"], document(BASE / "kustomization.yaml")["namespace"]
    short = f"{service}.{namespace}"
    hosts = [service, short, f"{short}.svc", f"{short}.svc.cluster.local", "localhost", "127.0.0.1"]
    allowed = option(CONTAINER["args"], "--allowed-hosts").split(",")
    assert sorted(allowed) == sorted(f"{host}:{port['port']}" for host in hosts)
    assert option(CONTAINER["args"], "--port") == str(port["port"]) == "5000"


def test_ray_finds_it_under_such_a_name() -> None:
    allowed = option(CONTAINER["args"], "--allowed-hosts").split(",")
    (cluster,) = (manifest for manifest in manifests() if manifest["kind"] == "RayCluster")
    (head,) = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"]
    (uri,) = (variable["value"] for variable in head["env"] if variable["name"] == "MLFLOW_TRACKING_URI")
    assert uri.removeprefix("http://") in allowed


def test_labels_and_selectors_meet() -> None:
    everything: dict[str, Any] = {manifest["metadata"]["name"]: manifest for manifest in reversed(manifests())}
    assert {"mlflow", "postgres", "seaweedfs"} <= set(everything)
    workloads = [manifest for manifest in manifests() if manifest["kind"] in ("Deployment", "StatefulSet")]
    for workload in workloads:
        selector = workload["spec"]["selector"]["matchLabels"]
        assert selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
        name = workload["metadata"]["name"]
        (service,) = (m for m in manifests() if m["kind"] == "Service" and m["metadata"]["name"] == name)
        assert service["spec"]["selector"] == selector
        ports = {port["name"] for c in workload["spec"]["template"]["spec"]["containers"] for port in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == ports


def test_kustomize_finds_its_files() -> None:
    for file in sorted(INFRA.rglob("kustomization.yaml")):
        kustomization = document(file)
        if kustomization["kind"] != "Component":  # it has the namespace of who includes it
            assert kustomization["namespace"] == document(INFRA / "namespace.yaml")["metadata"]["name"]
        named = kustomization.get("resources", []) + [
            one for generator in kustomization.get("configMapGenerator", []) for one in generator.get("files", [])
        ]
        assert [one for one in named if not (file.parent / one).exists()] == []


def test_the_s3_server_is_where_the_overlay_says() -> None:
    (generator,) = document(OVERLAY / "kustomization.yaml")["configMapGenerator"]
    values = dict(literal.split("=", 1) for literal in generator["literals"])
    stateful, service, _ = documents(OVERLAY / "seaweedfs.yaml")
    (port,) = service["spec"]["ports"]
    assert values["AWS_ENDPOINT_URL"] == values["MLFLOW_S3_ENDPOINT_URL"] == f"http://seaweedfs:{port['port']}"
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    (bucket,) = (variable["value"] for variable in container["env"] if variable["name"] == "S3_BUCKET")
    assert values["MLFLOW_ARTIFACTS_DESTINATION"].startswith(f"s3://{bucket}/")
    assert f"-s3.port={port['port']}" in container["args"]


def test_compose_shows_this_machine_alone_and_waits_for_health() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(published) == ["127.0.0.1:5000:5000", "127.0.0.1:8333:8333"]
    for service in SERVICES.values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert "network_mode" not in service
        assert "privileged" not in service
    assert SERVICES["mlflow"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "seaweedfs": {"condition": "service_healthy"},
    }
    for volume in SERVICES["mlflow"]["volumes"]:
        assert (COMPOSE.parent / volume.split(":")[0]).is_file()


def test_the_example_names_every_secret_and_gives_none() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", text(COMPOSE)))
    lines = [line for line in text(COMPOSE.parent / ".env.example").splitlines() if not line.startswith("#")]
    assert {line.rstrip("=") for line in lines} == asked
    assert all(line.endswith("=") for line in lines)
    assert "/infra/compose/.env\n" in text(INFRA.parent / ".gitignore")
