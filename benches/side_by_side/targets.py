#!/usr/bin/env python3
"""Prints the targets of the load harness: no proxy, nginx, the floor, Ringside.

  targets.py PROGRAM FLOOR FOLDER TOKEN CONFIGURATION

PROGRAM is the built ringside, FLOOR the proxy in floor/, FOLDER where its database and journal lie, TOKEN a server token of
it, CONFIGURATION the nginx.conf beside this file.
"""

import json
import sys

PROVIDER = "http://127.0.0.1:9100"


def main():
    program, floor, folder, token, configuration = sys.argv[1:]
    path = "/v1/chat/completions"
    # Every call is authenticated, attributed to a customer with a cap, priced, and recorded durably.
    headers = {"authorization": f"Bearer {token}", "fc-customer": "cus_42"}
    targets = [
        {
            "name": "direct",
            "base": PROVIDER,
            "routes": {"openai": {"path": path, "model": "gpt-4o-mini"}},
        },
        {
            "name": "nginx",
            "base": "http://127.0.0.1:9101",
            "start": ["nginx", "-p", f"{folder}/nginx", "-c", configuration],
            "routes": {"openai": {"path": path, "model": "gpt-4o-mini"}},
        },
        {
            "name": "floor",
            "base": "http://127.0.0.1:9103",
            "start": [floor, "127.0.0.1:9103", PROVIDER],
            "routes": {"openai": {"path": path, "model": "gpt-4o-mini"}},
        },
        {
            "name": "ringside",
            "base": "http://127.0.0.1:9102",
            "start": [program, "serve"],
            "cwd": folder,
            "env": {
                "RINGSIDE_LISTEN": "127.0.0.1:9102",
                "RINGSIDE_LOG": "warn",
                "OPENAI_API_KEY": "sk-of-openai",
                "RINGSIDE_OPENAI_BASE_URL": PROVIDER,
                "ANTHROPIC_API_KEY": "sk-of-anthropic",
                "RINGSIDE_ANTHROPIC_BASE_URL": PROVIDER,
            },
            "routes": {
                "openai": {"path": path, "model": "fc:openai/gpt-4o-mini", "headers": headers},
                "anthropic": {
                    "path": path,
                    "model": "fc:anthropic/claude-sonnet-4-5-20250929",
                    "headers": headers,
                },
            },
        },
    ]
    print(json.dumps(targets, indent=1))


if __name__ == "__main__":
    main()
