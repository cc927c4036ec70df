"""Many containers under a daemon that is killed at random moments: nothing may be left, and every
container that a client was told of must have a named end state.

FLYWHEEL_SOAK_CONTAINERS (20000) and FLYWHEEL_SOAK_KILLS (40) say how many.
"""
import contextlib
import http.client
import json
import os
import random
import threading
import time
import unittest

from caas_daemon import END_STATES, CaasCase, Daemon

COUNT = int(os.environ.get("FLYWHEEL_SOAK_CONTAINERS", "20000"))
KILLS = int(os.environ.get("FLYWHEEL_SOAK_KILLS", "40"))
SEED = int(os.environ.get("FLYWHEEL_SOAK_SEED", str(time.time_ns() % 1000000)))
CLIENTS = 4

COMMANDS = ["true", "echo hello", "sleep 60", "head -c 1000000 /dev/zero", "exit 3", "kill -9 $$",
            "echo x > /tmp/a; sync", "(sleep 100 &) ; true", "yes | head -n 100000 > /tmp/b"]


class Client(threading.Thread):
    """Creates, uses and mostly deletes containers, through every death of the daemon."""

    def __init__(self, test, seed):
        super().__init__()
        self.test, self.random = test, random.Random(seed)
        self.told, self.deleted, self.errors = set(), set(), []

    def call(self, method, path, body=None):
        """The reply, or nothing where the daemon went away."""
        try:
            connection = self.test.daemon.connect(timeout=20)
            connection.request(method, path, body=json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            data = json.loads(answer.read())
            connection.close()
            return answer.status, data
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.01)
            return 0, None

    def step(self):
        status, made = self.call("POST", "/v1/containers", self.random.choice(
            [{}, {}, {"idle_s": 1}, {"command": "sleep 0.05; exit 1"}, {"metadata": {"a": "b"}},
             {"limits": {"memory_bytes": 32 << 20, "process_count": 16}}]))
        if status != 201:
            if status not in (0, 429, 503):
                self.errors.append(("create", status, made))
            return
        name = made["id"]
        self.told.add(name)
        for _ in range(self.random.randrange(3)):
            body = {"command": self.random.choice(COMMANDS), "timeout_ms": 300}
            if self.random.random() < 0.2:
                body["detach"] = True
            status, data = self.call("POST", f"/v1/containers/{name}/exec", body)
            if status not in (0, 200, 202, 404, 409, 410, 429):
                self.errors.append(("exec", status, data))
        if self.random.random() < 0.9:
            status, data = self.call("DELETE", f"/v1/containers/{name}")
            if status == 200:
                self.deleted.add(name)
            elif status not in (0, 429):
                self.errors.append(("delete", status, data))

    def run(self):
        while not self.test.is_over:
            self.step()


class Soak(CaasCase):
    def test_nothing_is_left_and_every_container_has_a_named_end(self):
        print(f"soak: {COUNT} containers, {KILLS} kills, seed {SEED}", flush=True)
        self.is_over = False
        chance = random.Random(SEED)
        clients = [Client(self, SEED * 100 + i) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            self.kill_on_the_way(clients, chance)
        finally:
            self.is_over = True
            for client in clients:
                client.join(timeout=60)
        self.assertEqual([error for client in clients for error in client.errors][:5], [])
        self.check_descriptors()
        # The last death of all, then a start that finds everything ended.
        self.daemon.kill()
        self.wait_for_nothing_left()
        self.daemon = Daemon(self.state)
        self.check_ends(clients)

    def kill_on_the_way(self, clients, chance):
        places = sorted(chance.randrange(COUNT) for _ in range(KILLS))
        while self.made(clients) < COUNT:
            if places and self.made(clients) >= places[0]:
                places.pop(0)
                time.sleep(chance.random() * 0.05)
                self.daemon.kill()
                self.daemon = Daemon(self.state)
            self.assertTrue(all(client.is_alive() for client in clients))
            time.sleep(0.01)

    @staticmethod
    def made(clients):
        return sum(len(client.told) for client in clients)

    def check_descriptors(self):
        """With every container deleted the daemon holds what it held at its start, but for sockets."""
        for each in self.ask("GET", "/v1/containers?limit=1000&state=running")["data"]:
            self.ask("DELETE", f"/v1/containers/{each['id']}")
        end = time.monotonic() + 20
        while True:
            count = len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))
            if count < 100:
                return
            self.assertLess(time.monotonic(), end, f"{count} file descriptors are open")
            time.sleep(0.1)

    def check_ends(self, clients):
        states, after = {}, ""
        while True:
            page = self.ask("GET", "/v1/containers?limit=1000&order=asc" + after)
            for each in page["data"]:
                states[each["id"]] = each
            if not page["has_more"]:
                break
            after = "&after=" + page["last_id"]
        for each in states.values():
            self.assertIn(each["state"], END_STATES, each)
            self.assertTrue(each["reason"], each)
        told = set().union(*(client.told for client in clients))
        self.assertEqual(told - set(states), set(), "told to a client, and forgotten")
        for client in clients:
            for name in client.deleted:
                self.assertNotEqual(states[name]["reason"], "daemon_restarted",
                                    "an answered end was forgotten")
        reasons = {}
        for each in states.values():
            reasons[each["reason"]] = reasons.get(each["reason"], 0) + 1
        print(f"soak: {len(states)} containers ended: {reasons}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main()
