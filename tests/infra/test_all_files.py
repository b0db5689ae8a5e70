"""What holds for every file of infra/: it parses, lets nobody in, and holds no secret."""

import re
from pathlib import Path

import pytest

from .files import COMPOSE, FILES, INFRA, LAUNCHERS, YAML, documents, manifests, name, nodes, pods, text

SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY", re.IGNORECASE)
PUBLIC_TYPES = ("NodePort", "LoadBalancer", "Ingress", "Gateway", "HTTPRoute")


@pytest.mark.parametrize("file", YAML, ids=name)
def test_it_parses(file: Path) -> None:
    found = documents(file)
    assert found
    assert all(isinstance(one, dict) for one in found)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_it_holds_no_secret(file: Path) -> None:
    content = text(file)
    assert not re.search(r"://[^/\s:@]+:[^/\s@]+@", content), "a URI with a password"
    assert not re.search(r"\bAKIA[0-9A-Z]{12,}|-----BEGIN|ghp_\w{20,}", content)
    assert "kind: Secret" not in content


def test_secrets_come_from_secrets_or_the_environment() -> None:
    named = [node for manifest in manifests() for node in nodes(manifest) if SECRET.search(str(node.get("name", "")))]
    env = [node for node in named if "value" in node or "valueFrom" in node]
    assert len(env) > 5
    for variable in env:
        assert set(variable["valueFrom"]) == {"secretKeyRef"}
    for service in documents(COMPOSE)[0]["services"].values():
        for variable, value in service["environment"].items():
            if SECRET.search(variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?set it in \.env\}", value)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_nothing_is_open_to_the_world(file: Path) -> None:
    content = text(file)
    # In a container it is the container's own address. What else can be reached is up to Services and `ports`.
    assert not re.search(r"0\.0\.0\.0", content.replace("--host=0.0.0.0", ""))
    assert not re.search(r"dashboard-host(?!=127\.0\.0\.1)\b", content)
    assert "--allowed-hosts=*" not in content
    assert "disable-security-middleware" not in content


def test_services_are_for_the_cluster_alone() -> None:
    for manifest in manifests():
        assert manifest["kind"] not in PUBLIC_TYPES
        for node in nodes(manifest):
            assert not {"hostNetwork", "hostPort", "nodePort", "externalIPs", "hostPID", "privileged"} & set(node)
            assert node.get("type") not in PUBLIC_TYPES
            assert node.get("serviceType", "ClusterIP") == "ClusterIP"
    for service in (manifest["spec"] for manifest in manifests() if manifest["kind"] == "Service"):
        assert service.get("type", "ClusterIP") == "ClusterIP"


def test_pods_hold_no_more_rights_than_they_need() -> None:
    found = [pod for manifest in manifests() for pod in pods(manifest)]
    assert len(found) > 8
    for pod in found:
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        is_head = pod["containers"][0]["name"] == "ray-head"  # its autoscaler asks Kubernetes for pods
        assert pod.get("automountServiceAccountToken", True) is is_head
        if pod["containers"][0]["name"] != "seaweedfs":
            assert pod["securityContext"]["runAsNonRoot"] is True
            (container,) = pod["containers"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


@pytest.mark.parametrize("file", FILES, ids=name)
def test_ray_starts_with_token_authentication_alone(file: Path) -> None:
    content = text(file)
    if re.search(r"ray start --|\bray-head\b|\bray-worker\b|RAY_AUTH_MODE", content):
        assert re.search(r"RAY_AUTH_MODE(=|, value: )token\b", content)
    assert not re.search(r"RAY_AUTH_MODE\W+(value: )?disabled|mode: disabled", content)


def test_every_policy_admits_someone_named() -> None:
    policies = [manifest for manifest in manifests() if manifest["kind"] == "NetworkPolicy"]
    assert {policy["metadata"]["name"] for policy in policies} == {"ray", "mlflow", "postgres", "seaweedfs"}
    for policy in policies:
        assert policy["spec"]["podSelector"]["matchLabels"]
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        for rule in policy["spec"]["ingress"]:
            assert rule["from"]
            for peer in rule["from"]:
                assert all(selector["matchLabels"] for selector in peer.values())


def test_every_placeholder_is_explained() -> None:
    readme = text(INFRA / "README.md")
    used = {found for file in FILES for found in re.findall(r"REPLACE_[A-Z]+(?:_[A-Z]+)*", text(file))}
    assert used
    assert [placeholder for placeholder in sorted(used) if f"`{placeholder}`" not in readme] == []


def test_the_readme_names_every_file() -> None:
    readme = text(INFRA / "README.md")
    missing = [name(file) for file in FILES if file.name != "README.md" and name(file) not in readme]
    assert [file for file in missing if Path(file).parent.as_posix() not in readme] == []
    assert LAUNCHERS
