"""What the folder's test modules import from each other is found by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
