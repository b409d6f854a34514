"""Run a Python script with a data folder that is thrown away: with_temporary_data.py manage.py check"""

import os
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ittyhost-") as data:
        environment = {**os.environ, "ITTYHOST_DATA": data, "SECRET_KEY": "", "KEY_RING": "", "LOG_FORMAT": "text"}
        sys.exit(subprocess.call([sys.executable, *sys.argv[1:]], env=environment))
