"""tools/study.py with judges that hardly learn: what they say is compared, not believed."""

import dataclasses

import tools.study
from bg_interp import cli
from bg_interp.study import judging

judging.JUDGES = tuple(dataclasses.replace(judge, steps=1) for judge in judging.JUDGES)

if __name__ == "__main__":
    cli.run(tools.study.main, __doc__)
