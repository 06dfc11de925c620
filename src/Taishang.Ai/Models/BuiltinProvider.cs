using Taishang.Ai.Embeddings;

namespace Taishang.Ai.Models;

/// <summary>The models that are part of the program.</summary>
internal sealed class BuiltinProvider(ModelOptions options) : IModelProvider
{
    public string Name => "builtin";

    public ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        string name = ModelConfig.Parse(reference).ModelName;
        if (name != BuiltinEmbeddingModel.ModelName)
        {
            throw new ModelException(ModelErrorKind.UnknownModel,
                $"model: provider builtin has {BuiltinEmbeddingModel.ModelName}, '{name}' came.");
        }
        if (reference.Version.Length > 0 && reference.Version != BuiltinEmbeddingModel.ModelVersion)
        {
            throw new ModelException(ModelErrorKind.UnknownModel,
                $"version: {name} is {BuiltinEmbeddingModel.ModelVersion} here, '{reference.Version}' came.");
        }
        return ValueTask.FromResult<IEmbeddingModel>(new BuiltinEmbeddingModel(options.Limits, options.Threads));
    }
}
