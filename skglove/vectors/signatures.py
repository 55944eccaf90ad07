"""Files of other kinds, recognised by their magic numbers, and what to do with each."""

import re

# What Python can decompress: how each begins.
_COMPRESSED = {
    "zip": rb"PK(?:\x03\x04|\x05\x06)",
    "gzip": rb"\x1f\x8b",
    "bz2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    "lzma": rb"\xfd7zXZ\0|\]\0\0",  # .xz, and the older .lzma
}
_TABLE = "read it with pandas, and give its words and numbers to WordVectors(words, matrix)"
_UNPACK = "unpack it, and take the file of vectors in it"
_KNOWN = [
    (rb"|".join(_COMPRESSED.values()), "an archive inside an archive", _UNPACK),
    (rb"(?=.{0,256}\0).{257}ustar", "a tar archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "compressed with Zstandard", "unpack it with zstd -d"),
    (rb"\x04\x22\x4d\x18", "compressed with LZ4", "unpack it with lz4 -d"),
    (rb"\x1f\x9d", "compressed with compress (.Z)", "unpack it with gzip -d"),
    (
        rb"\xba\x16\x4f\x2f",
        "a fastText model (.bin)",
        "take the .vec file that goes with it, or "
        "WordVectors.from_gensim(gensim.models.fasttext.load_facebook_vectors(path))",
    ),
    (
        rb"\x80[\x02-\x05]",
        "a pickle, such as gensim saves",
        "if you trust it, WordVectors.from_gensim(gensim.models.KeyedVectors.load(path))",
    ),
    (rb"\x93NUMPY", "a NumPy array (.npy)", "WordVectors(words, numpy.load(path)) takes it and its words"),
    (rb"PAR1", "a Parquet file", _TABLE),
    (rb"ARROW1|FEA1", "an Arrow or Feather file", _TABLE),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "read it with h5py, and use WordVectors(words, matrix)"),
    (rb"SQLite format 3\0", "an SQLite database", _TABLE),
    (
        rb".{4}\0{4}\{\"",
        "a safetensors file",
        "WordVectors(words, safetensors.numpy.load_file(path)[name]) takes it and its words",
    ),
    (rb"GGUF", "a GGUF model", "export its vectors, and use WordVectors(words, matrix)"),
    (rb"%PDF-", "a PDF document", "download the file of vectors itself"),
    (
        rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|\?xml)\b",
        "a web page, not the file that it links to",
        "download the file of vectors itself",
    ),
    (rb"version https://git-lfs", "a Git LFS pointer, not the file that it stands for", "run git lfs pull"),
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", "text in UTF-32", "convert it with iconv -f UTF-32 -t UTF-8"),
    (rb"\xff\xfe|\xfe\xff", "text in UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"),
]


def compression(head):
    """Tell which of Python's modules decompresses a file.

    Parameters
    ----------
    head : bytes
        The first 16 bytes of the file, or more.

    Returns
    -------
    module : {"zip", "gzip", "bz2", "lzma"} or None
        None if the file is not compressed.

    Examples
    --------
    >>> compression(b"the 0.5 1")
    >>> compression(b"BZh91AY&SY and more")
    'bz2'
    """
    return next((module for module, magic in _COMPRESSED.items() if re.match(magic, head)), None)


def recognise(head):
    """Say what kind of file it is, if it is not a vector file, and what to do with it.

    Parameters
    ----------
    head : bytes
        The first 512 bytes of the file, or more.

    Returns
    -------
    problem : str or None
        None if the file does not begin like any of the kinds known here.

    Examples
    --------
    >>> recognise(b"%PDF-1.7")
    'it is a PDF document: download the file of vectors itself'
    """
    for magic, name, remedy in _KNOWN:
        if re.match(magic, head[:512], re.DOTALL):
            return f"it is {name}: {remedy}"
    return None


def recognise_archive(names):
    """Say which program wrote a zip archive, if it holds arrays rather than a vector file.

    Parameters
    ----------
    names : list of str
        The names of its members.

    Returns
    -------
    problem : str or None
        With what to do instead.

    Examples
    --------
    >>> recognise_archive(["words.npy", "matrix.npy"])[:29]
    'it holds NumPy arrays (.npz):'
    """
    if names and all(name.endswith(".npy") for name in names):
        return "it holds NumPy arrays (.npz): WordVectors(words, numpy.load(path)[name]) takes one"
    if any(name.endswith("data.pkl") for name in names):
        return "it is a PyTorch file: torch.load it, and use WordVectors(words, tensor.numpy())"
    return None
