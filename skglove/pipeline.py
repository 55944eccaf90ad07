"""make_text_classifier: the three steps, texts to labels, as one Pipeline."""

from sklearn.pipeline import Pipeline

from skglove.classifier import KerasConvTextClassifier
from skglove.messages import nearest_names, shortened
from skglove.padder import SequencePadder
from skglove.tokenizer import GloveTokenizer

# A parameter goes to the first step that has it: `maxlen` to the padder, because the classifier takes the
# matrix as it comes.
STEPS = {"tokens": GloveTokenizer, "pad": SequencePadder, "cnn": KerasConvTextClassifier}


def make_text_classifier(vectors="glove.6B.50d", **params):
    """Make the Pipeline of `GloveTokenizer`, `SequencePadder` and `KerasConvTextClassifier`.

    Parameters
    ----------
    vectors : str, path, WordVectors, dict, gensim KeyedVectors or None, default="glove.6B.50d"
        Where the word vectors are, as in `GloveTokenizer`.
    **params : dict
        Parameters of the three steps by their own names, such as ``num_words=20_000`` or ``epochs=5``, or
        with the step in front, such as ``cnn__epochs=5``. Each goes to the step that has it; ``maxlen`` is
        that of `SequencePadder`, ``verbose`` goes to tokenizer and classifier. ``filters`` needs its step:
        ``tokens__filters`` are characters, ``cnn__filters`` the number of filters of each convolution.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        From texts to labels. Its steps are "tokens", "pad" and "cnn", so later names are those of a Pipeline,
        such as ``cnn__epochs`` in `GridSearchCV` and `set_params`.

    Raises
    ------
    TypeError
        If no step has such a parameter (the message names the nearest), or if ``filters`` has no step.
    ValueError
        If the step in front of a parameter has no such parameter.

    Examples
    --------
    >>> from skglove import make_text_classifier
    >>> classifier = make_text_classifier(vectors=None, num_words=100, epochs=3, random_state=0)
    >>> texts, labels = ["good", "so good", "bad", "so bad"] * 5, ["+", "+", "-", "-"] * 5
    >>> classifier.fit(texts, labels).predict(["very good"])
    array(['+'], dtype='<U1')
    """
    of_steps = {name: {} for name in STEPS}
    names_of = {name: kind._get_param_names() for name, kind in STEPS.items()}
    with_step = {name: params.pop(name) for name in list(params) if "__" in name}
    if "filters" in params:
        raise TypeError(
            "make_text_classifier() has two parameters 'filters'. Write cnn__filters for the number of "
            "filters of each convolution, or tokens__filters for the characters at which texts are split."
        )
    for parameter, value in {"vectors": vectors, **params}.items():
        steps = [name for name in STEPS if parameter in names_of[name]]
        if not steps:
            names = [name for names in names_of.values() for name in names]
            raise TypeError(
                f"make_text_classifier() has no parameter {shortened(parameter)}."
                f"{nearest_names(parameter, names)} It takes those of "
                f"{', '.join(kind.__name__ for kind in STEPS.values())}."
            )
        for step in steps if parameter == "verbose" else steps[:1]:
            of_steps[step][parameter] = value
    pipeline = Pipeline([(name, kind(**of_steps[name])) for name, kind in STEPS.items()])
    return pipeline.set_params(**with_step)


def last_step(estimator):
    """Return the estimator at the end of Pipelines and fitted searches.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    last : estimator
    """
    while hasattr(estimator, "best_estimator_") or hasattr(estimator, "steps"):
        estimator = (
            estimator.best_estimator_ if hasattr(estimator, "best_estimator_") else estimator.steps[-1][1]
        )
    return estimator
