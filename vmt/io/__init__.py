"""Reading and writing structures and images.

======================  =====================================  ===========================
format                  voxels are                             voxel spacing from
======================  =====================================  ===========================
``.tif``, ``.tiff``     mapped if uncompressed, else by page   OME or ImageJ metadata
folder of TIFF or PNG   read slice by slice, natural order     ``vmt.json`` in the folder
``.raw`` + ``.json``    mapped                                 the sidecar
``.npy``                mapped                                 the caller
``.npz``                read in slabs                          files that vmt wrote
``.zarr``, OME-Zarr     mapped if one plain chunk, else        vmt's attributes, or the
                        by chunk                               scale of multiscales level 0
``.h5``, ``.hdf5``      mapped if contiguous, else by chunk    vmt's attributes, or
                                                               ``element_size_um``
``.vti``                read in slabs                          files that vmt wrote
======================  =====================================  ===========================

Array axes are (x, y, z) *as stored*, and axis 0 is through-plane: a TIFF's page is axis 0, its row
axis 1, its column axis 2, so that its physical size Z belongs to axis 0, Y to axis 1 and X to axis
2. A VTI file, where x runs fastest, is read and written so that ParaView's x is axis 0. Files with
axis 0 fastest (VTI, raw or npy in Fortran order) are brought into C order in memory.

A spacing is never guessed: a file without one needs ``spacing=``. Files are written under a
temporary name and renamed when they are whole.

The sidecar of a raw file ``a.raw`` is ``a.raw.json`` (``a.json`` is read too)::

    {"schema_version": 1, "kind": "labels",          kind: labels or grey
     "shape": [nx, ny, nz], "dtype": "uint8",        bool, (u)int8 to (u)int64, float16 to float64
     "order": "C", "byte_order": "little",           C: axis 2 fastest, F: axis 0 fastest
     "spacing [m]": [1e-8, 1e-8, 1e-8],              optional
     "phases": {"pore": 0, "solid": 1}}              optional
"""

from vmt.io._field_store import FieldStore, Slabs, StoredArray
from vmt.io._read import read_grey, read_labels
from vmt.io._vti import write_fields
from vmt.io._write import write

__all__ = [
    "FieldStore",
    "Slabs",
    "StoredArray",
    "read_grey",
    "read_labels",
    "write",
    "write_fields",
]
