"""vmt: a virtual laboratory for battery electrode microstructures.

The public names are listed in ``__init__.pyi``; each loads its module when it is first used, so
that ``import vmt`` is fast and loads none of the heavy packages.
"""

import lazy_loader as _lazy

from vmt._version import __version__ as __version__

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
