using System.Reflection;
using System.Runtime.Loader;

namespace Taishang.Executors.Loading;

/// <summary>
/// A plug-in's own world: what stands beside it is its own, at its own version, and never meets ours or another
/// plug-in's. Shared are the runtime and this assembly, or its executors would be none of ours.
/// </summary>
internal sealed class PlugInLoadContext(string name, string mainPath) : AssemblyLoadContext(name, isCollectible: false)
{
    private readonly AssemblyDependencyResolver _resolver = new(mainPath);

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        // Null leaves it to the host. A copy of this assembly beside the plug-in is passed over.
        if (assemblyName.Name == typeof(ITaskExecutor).Assembly.GetName().Name) return null;
        return _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;
    }

    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
