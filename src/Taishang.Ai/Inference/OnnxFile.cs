namespace Taishang.Ai.Inference;

/// <summary>One ONNX file by its place and content. Two equal ones are one loaded model.</summary>
/// <param name="Model">Folder of the model inside the models folder.</param>
/// <param name="Name">Name of the file inside of that.</param>
/// <param name="Threads">Threads of one run; 0 for one each processor.</param>
/// <param name="Checksum">Of the content, as <see cref="OnnxContent"/> tells it.</param>
internal sealed record OnnxFile(string Model, string Name, int Threads, string Checksum);
